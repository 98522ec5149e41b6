// The controls: run a system, with settings; start and stop flows.

import { clock, count, duration } from "../../shared/format.js";
import { $, h, keyed, text } from "../../shared/dom.js";
import { ask } from "../connection.js";

const SETTLING = 1000; // ms in which an observation that began before a wish was granted arrives

export function makeControls() {
  const use = makeUse();
  const send = makeSend();
  return {
    update(shown) {
      const { state, connection } = shown;
      const can = connection.up && Boolean(state.network?.up) && !state.mode.replay;
      use(state, can);
      send(state, can);
    },
  };
}

// -- use -----------------------------------------------------------------------------------------

function makeUse() {
  const form = $("use-form");
  let dirty = false;
  let filled = "";
  let stale = ""; // what ran before the last wish, and may be told of until
  let staleUntil = 0; // this time of performance.now()
  let catalogue = null;
  let choice = null;
  let busy = false;
  let next = null; // what was asked for meanwhile; only the last counts

  form.addEventListener("input", () => (dirty = true));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(wantedOf(form));
  });

  async function run(wanted) {
    if (busy) {
      next = wanted;
      return;
    }
    busy = true;
    dirty = false; // what is typed while it runs is a new wish
    document.body.dataset.using = wanted.system;
    text($("use-error"), "");
    stale = JSON.stringify(choice);
    try {
      await ask("/api/use", wanted);
    } catch (error) {
      dirty = true; // it can be corrected
      text($("use-error"), error.message);
    } finally {
      busy = false;
      filled = "";
      staleUntil = performance.now() + SETTLING;
      delete document.body.dataset.using;
      const then = next;
      next = null;
      if (then) run(then);
    }
  }

  function quick(system) {
    const wanted = choice?.dilation ? { system, dilation: choice.dilation } : { system };
    fill(form, wanted); // what is typed from now on is added to it
    run(wanted);
  }

  return (state, can) => {
    if (state.network?.catalogue && state.network.catalogue !== catalogue) {
      catalogue = state.network.catalogue;
      fillOptions(form, catalogue);
      filled = "";
    }
    choice = state.choice;
    const known = catalogue?.systems ?? [];
    keyed(
      $("quick"), known.filter((one) => one.quick), (one) => one.name,
      (one) => h("button", { type: "button", class: "segment", "data-system": one.name, onclick: () => quick(one.name) }, one.title),
      (button, one) => {
        button.disabled = !can;
        const runs = choice?.asked !== false && choice?.system === one.name && !choice.policy;
        button.setAttribute("aria-pressed", String(Boolean(runs)));
      },
    );
    text($("running"), runningOf(choice, state));
    const now = JSON.stringify(choice);
    const settled = now !== stale || performance.now() > staleUntil;
    if (choice && !busy && !dirty && now !== filled && settled) {
      fill(form, choice);
      filled = now;
    }
    text($("use-command"), choice?.command ?? "");
    $("apply").disabled = !can;
    setEnabled(form, can);
  };
}

function runningOf(choice, { network, mode, frames }) {
  if (!choice) return "";
  const parts = [choice.title ?? choice.system];
  if (choice.policy) parts.push(`policy ${choice.policy}`);
  if (choice.threshold !== null && choice.threshold !== undefined) parts.push(`threshold ${choice.threshold} %`);
  if (choice.falcon_cpus) parts.push(`FALCON CPUs ${choice.falcon_cpus.join(", ")}`);
  if (choice.order) parts.push(`order ${choice.order}`);
  if (choice.dilation) parts.push(`${count(choice.dilation)} times slower than real`);
  if (choice.asked === false) return `Nobody has asked for a system yet: the first flow makes the network run ${choice.title}.`;
  const last = frames.at(-1);
  const when = mode.replay || network?.up || !last ? "Running" : `Last seen at ${clock(last.at)}`;
  return `${when}: ${parts.join(" · ")}`;
}

function fillOptions(form, catalogue) {
  const option = (value, words) => h("option", { value }, words);
  form.system.replaceChildren(...catalogue.systems.map((one) => option(one.name, `${one.title} (${one.name})`)));
  form.order.replaceChildren(option("", "system's own"), ...catalogue.orders.map((one) => option(one, one)));
  $("policies").replaceChildren(...catalogue.policies.map((one) => option(one, one)));
}

function fill(form, choice) {
  const isChain = choice.system.includes(".toml:");
  form.chain.value = isChain ? choice.system : "";
  if (!isChain) form.system.value = choice.system;
  form.policy.value = choice.policy ?? "";
  form.threshold.value = choice.threshold ?? "";
  form.falcon_cpus.value = (choice.falcon_cpus ?? []).join(", ");
  form.order.value = choice.order ?? "";
  form.dilation.value = choice.dilation ?? "";
}

function wantedOf(form) {
  const number = (field) => (field.value === "" ? undefined : Number(field.value));
  const cpus = form.falcon_cpus.value.split(",").map((one) => one.trim()).filter(Boolean).map(Number);
  return {
    system: form.chain.value.trim() || form.system.value,
    policy: form.policy.value.trim() || undefined,
    threshold: number(form.threshold),
    falcon_cpus: cpus.length ? cpus : undefined,
    order: form.order.value || undefined,
    dilation: number(form.dilation),
  };
}

function setEnabled(form, can) {
  for (const field of form.elements) {
    if (field.disabled === can) field.disabled = !can;
  }
}

// -- flows ---------------------------------------------------------------------------------------

function makeSend() {
  const form = $("flow-form");
  let containers = null;
  let choice = null;

  form.source.addEventListener("change", () => fillTargets(form, containers));
  form.proto.addEventListener("change", () => {
    form.rate.value = form.proto.value === "tcp" ? "" : "1000";
    form.size.value = form.proto.value === "tcp" ? "4096" : "64";
    showProto(form);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    text($("flow-error"), "");
    $("start-flow").disabled = true;
    try {
      if (choice?.asked === false) await ask("/api/use", { system: choice.system });
      await ask("/api/flows", requestOf(form));
    } catch (error) {
      text($("flow-error"), error.message);
    } finally {
      $("start-flow").disabled = false;
    }
  });

  async function stop(id) {
    try {
      await ask("/api/flows/stop", { id });
    } catch (error) {
      text($("flow-error"), error.message);
    }
  }

  return (state, can) => {
    choice = state.choice;
    const found = state.network?.catalogue?.containers ?? null;
    if (found && JSON.stringify(found) !== JSON.stringify(containers)) {
      containers = found;
      form.source.replaceChildren(...containers.map((one) => h("option", { value: one.name }, `${one.name} on ${one.machine}`)));
      fillTargets(form, containers);
    }
    setEnabled(form, can);
    const flows = [...state.flows.values()];
    const running = flows.filter((flow) => flow.state === "running");
    const ended = flows.filter((flow) => flow.state !== "running").slice(-4).reverse();
    keyed(
      $("sent-flows"), [...running, ...ended], (flow) => flow.id,
      (flow) => h(
        "li", {},
        h("strong"), h("span", { class: "quiet" }),
        h("button", { type: "button", class: "button", "aria-label": `Stop ${flow.id}`, onclick: () => stop(flow.id) }, "Stop"),
      ),
      (item, flow) => {
        const { request } = flow;
        text(item.querySelector("strong"), `${request.proto} ${request.source} → ${request.target}`);
        text(item.querySelector("span"), progressOf(flow));
        item.dataset.state = flow.state;
        const button = item.querySelector("button");
        button.hidden = flow.state !== "running";
        button.disabled = !can;
      },
    );
  };
}

function fillTargets(form, containers) {
  const source = containers.find((one) => one.name === form.source.value) ?? containers[0];
  const before = form.target.value;
  const found = containers.filter((one) => one.tenant === source.tenant && one.name !== source.name);
  found.sort((a, b) => Number(a.machine === source.machine) - Number(b.machine === source.machine));
  form.target.replaceChildren(...found.map((one) => h("option", { value: one.name }, `${one.name} on ${one.machine}`)));
  if (found.some((one) => one.name === before)) form.target.value = before;
}

// UDP needs a rate; a TCP connection without one takes as many as it can.
function showProto(form) {
  const tcp = form.proto.value === "tcp";
  form.rate.required = !tcp;
  form.rate.placeholder = tcp ? "as many as it takes" : "";
}

function requestOf(form) {
  const wanted = { source: form.source.value, target: form.target.value, proto: form.proto.value };
  wanted.poisson = form.poisson.checked;
  wanted.surge = form.surge.checked;
  for (const name of ["seconds", "size", "rate", "source_port", "port", "seed", "peak"]) {
    if (form[name].value !== "") wanted[name] = Number(form[name].value);
  }
  if (wanted.proto === "tcp") wanted.rate ??= 0;
  return wanted;
}

function progressOf(flow) {
  if (flow.state === "failed") return flow.error;
  const { request } = flow;
  const parts = [];
  if (flow.state !== "running") parts.push(flow.state);
  if (request.rate) parts.push(`${count(request.rate)} messages/s${request.poisson ? ", Poisson" : ""}${request.surge ? ", surge" : ""}`);
  if (flow.sent !== undefined) parts.push(`${count(flow.sent)} sent`);
  if (flow.received !== undefined) parts.push(`${count(flow.received)} received`);
  if (flow.lost) parts.push(`${count(flow.lost)} lost`);
  if (flow.reordered) parts.push(`${count(flow.reordered)} reordered`);
  const { latency, retransmitted, late, hint } = flow.report ?? {};
  if (latency) parts.push(...["p50", "p99"].map((name) => `${name} ${duration(latency.percentiles[name])}`));
  if (retransmitted) parts.push(`${count(retransmitted)} segments sent again`);
  parts.push(...[late, hint].filter(Boolean));
  return parts.join(" · ");
}
