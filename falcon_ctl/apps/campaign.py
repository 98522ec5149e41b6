"""Every application under every system: dilations, runs, predictions, checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from falcon_ctl.apps import checks, comparison, dilation, prediction
from falcon_ctl.apps.application import Application
from falcon_ctl.apps.checks import FALCON, OVERLAY
from falcon_ctl.apps.dilation import Dilation
from falcon_ctl.apps.outcome import Outcome
from falcon_ctl.apps.report import Report
from falcon_ctl.apps.runner import Ends, Failed, Runner
from falcon_ctl.checks.verdict import Verdict
from falcon_ctl.errors import PartFailed
from falcon_ctl.live import reach
from falcon_ctl.live.explainer import Entries
from falcon_ctl.live.plan import Plan
from falcon_ctl.live.run_timeline import LiveRun
from falcon_ctl.live.testbed import Testbed
from falcon_ctl.report.progress import Steps
from falcon_ctl.systems import catalogue
from falcon_ctl.systems.system import System
from falcon_ctl.timeline import sampling

_TRY_SECONDS = 3.0  # of the run that the dilation follows from
_STEADY = 0.95  # of the overlay's capacity: where FALCON's latency is below the overlay's
_SLOWEST = 0.7  # of the host network's rate: about what an overlay does
_REACH_SECONDS = 15.0
_STAGES = 4  # of a frame, about
_LEAST_TRACED = 1000
_ASKED = "as asked for"


@dataclass
class Campaign:
    """All runs of one call, on an open testbed.

    Attributes:
        testbed: the network whose hosts and switches it drives.
        plan: of which the containers are taken.
        applications, systems: to run.
        dilation: for all applications, 0: what each needs.
        repeats: of a run that is invalid, at most.
        steps: where progress is shown.
        traced: the first frames of each run are kept in `runs`, for a timeline.
    """

    testbed: Testbed
    plan: Plan
    applications: Sequence[Application]
    systems: Sequence[System]
    dilation: int
    repeats: int
    steps: Steps
    traced: bool = False
    runs: list[LiveRun] = field(default_factory=list)

    @staticmethod
    def count(applications: Sequence[Application], systems: Sequence[System]) -> int:
        """How many steps a call has."""
        predicted = _are_compared(systems)
        return 1 + sum(len(systems) + 1 + (app.asks and predicted) for app in applications)

    def run(self, report: Report) -> None:
        """Run everything; the outcomes go to `report` one by one.

        Raises:
            PartFailed: a part of the network died.
        """
        self._provision()
        for app in self.applications:
            self._application(app, report)
        report.checks = self.judge(report.outcomes)

    def _provision(self) -> None:
        with self.steps.step("pipelines, entries, reachability") as results:
            with self.testbed.watch.blaming():
                self.testbed.controller.push_pipelines()
            self.testbed.use(catalogue.OVERLAY, dilation.TRIED)
            with self.testbed.watch.blaming():
                answered = reach.ping_all(self.testbed, _REACH_SECONDS)
            pair = next(iter(self.plan.pairs))
            if not answered[pair[0].name, pair[1].name]:
                raise PartFailed(pair[1].name, f"does not answer {pair[0].name}")
            results.append(f"{sum(answered.values())} of {len(answered)} pairs answer")

    def _application(self, app: Application, report: Report) -> None:
        runner = Runner(self.testbed, self._ends, self.plan.seed, self._most_traced)
        with self.steps.step(f"{app.name}: what it needs") as results:
            try:
                chosen, rate = self._chosen(runner, app)
            except Failed as error:
                report.dilations[app.name] = Dilation(0, "")
                failed = Outcome(app.name, "host", app.unit, 0, errors=[str(error)])
                report.outcomes.append(failed)
                results.append("failed")
                return
            report.dilations[app.name] = chosen
            results.append(f"dilation {chosen.value}: {chosen.why}")
        for system in self.systems:
            place = runner.place(self.plan.duration, chosen.value, rate)
            with self.steps.step(f"{app.name}: {system.title}") as results:
                found = runner.run(app, system, place)
                for _ in range(self.repeats):
                    if not found.invalid or found.troubles or found.overtaken:
                        break  # what went wrong is kept, however late the run was
                    self.steps.note(f"once more ({found.invalid})")
                    found = runner.run(app, system, place)
                results.append(_result(found))
                report.outcomes.append(found)
                self._keep(f"{app.name}: {system.title}", runner)
        if app.asks and _are_compared(self.systems):
            with self.steps.step(f"{app.name}: the model, for the same load") as results:
                report.compared += self._predicted(app, report.outcomes)
                results.append("done")

    @property
    def _most_traced(self) -> int:
        """Frames of a run in a timeline that has room for those of all."""
        runs = len(self.applications) * len(self.systems)
        room = sampling.MOST_SLICES // (_STAGES * runs)
        return max(room, _LEAST_TRACED) if self.traced else 0

    def _keep(self, label: str, runner: Runner) -> None:
        """Keep what the runner's last run recorded, with what the switches hold."""
        if not runner.traces:
            return
        with self.testbed.watch.blaming():
            held = Entries.read(self.testbed.controller.switches)
        self.runs += [LiveRun(label, one, held) for one in runner.traces]

    @property
    def _ends(self) -> Ends:
        client, server = self.plan.pairs[0]
        return Ends(client.name, server.name, client.machine, server.machine)

    def _chosen(self, runner: Runner, app: Application) -> tuple[Dilation, float]:
        """The dilation, and operations/s by the wall clock: to be sent, or expected."""
        capacity = prediction.capacity(app) if app.paced else 0.0
        if self.dilation and not app.by_count:
            return Dilation(self.dilation, _ASKED), _STEADY * capacity / self.dilation
        tried = capacity / 2 / dilation.TRIED if app.paced else app.tried_rate
        need, outcome = runner.need(app, min(_TRY_SECONDS, self.plan.duration), tried)
        chosen = Dilation(self.dilation, _ASKED) if self.dilation else dilation.choose(need)
        expected = _STEADY * capacity if app.paced else _SLOWEST * outcome.rate
        return chosen, expected / chosen.value

    def _predicted(
        self, app: Application, outcomes: Sequence[Outcome]
    ) -> list[comparison.Compared]:
        """Memcached beside the talk and the model."""
        ran = {one.system: one for one in outcomes if one.application == app.name}
        before, after = ran.get(OVERLAY), ran.get(FALCON)
        if not (before and before.reading and after and after.reading):
            return []
        # Another load prolongs it: the smaller one is nearer to the application's own.
        rest_us = min(before.rest_us or 0.0, after.rest_us or 0.0)
        predicted = {
            one.system: prediction.of_live(app, catalogue.BY_NAME[one.system], one, rest_us)
            for one in (before, after)
        }
        return comparison.beside(app, before, after, predicted)

    def judge(self, outcomes: Sequence[Outcome]) -> list[Verdict]:
        """All checks."""
        found = [
            checks.no_errors(outcomes),
            checks.bytes_exact(outcomes),
            checks.in_order(outcomes),
        ]
        for app in self.applications:
            ran = [one for one in outcomes if one.application == app.name]
            if app.compared and {OVERLAY, FALCON} <= {one.system for one in ran}:
                found.append(checks.falcon_below_overlay(ran))
        return found


def _are_compared(systems: Sequence[System]) -> bool:
    """Whether FALCON and what it is compared with are among them."""
    return {OVERLAY, FALCON} <= {one.name for one in systems}


def _result(found: Outcome) -> str:
    if found.troubles:
        return "failed"
    if found.invalid:
        return "invalid"
    return f"{found.rate:,.0f} {found.unit}/s"
