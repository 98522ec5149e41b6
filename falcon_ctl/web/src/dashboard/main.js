// The dashboard: messages come in, views show them.

import "uplot/dist/uPlot.min.css";
import "./style.css";
import { follow } from "./connection.js";
import { apply, empty } from "./store.js";
import { makeControls } from "./views/controls.js";
import { makeCores } from "./views/cores.js";
import { makeEvents } from "./views/events.js";
import { makeFigures } from "./views/figures.js";
import { makeFlows } from "./views/flows.js";
import { makeHeader } from "./views/header.js";
import { makeHeat } from "./views/heat.js";
import { makeHosts } from "./views/hosts.js";
import { makeLatency } from "./views/latency.js";
import { makeQueues, makeRate } from "./views/charts.js";
import { makeReplay } from "./views/replay.js";
import { makeTheme } from "./views/theme.js";
import { makeTopology } from "./views/topology.js";

let state = empty();
let connection = { up: true, reason: "" };
let asked = false;

const hosts = makeHosts(render);
const views = [
  makeHeader(), makeControls(), makeFigures(), makeCores(), makeRate(), makeHeat(), makeLatency(),
  makeQueues(), makeTopology(), makeFlows(), makeEvents(), makeReplay(),
];

makeTheme(() => views.forEach((view) => view.recolour?.()));
follow(
  (message) => {
    state = apply(state, message, performance.now());
    if (message.type === "snapshot") {
      views.forEach((view) => view.reset?.());
    }
    render();
  },
  (up, reason = "") => {
    connection = { up, reason };
    render();
  },
);

// Many messages may come at once, after a pause of the browser's or in a fast replay.
function render() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    const shown = { state, connection, host: hosts.update(state), now: performance.now() };
    for (const view of views) {
      view.update(shown);
    }
    document.documentElement.dataset.ready = String(Boolean(state.version));
  });
}
