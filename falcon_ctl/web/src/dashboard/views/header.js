// State of the network and of the page, recording.

import { $, text } from "../../shared/dom.js";
import { ask } from "../connection.js";

export function makeHeader() {
  const record = $("record");
  record.addEventListener("click", async () => {
    const on = record.getAttribute("aria-pressed") === "true";
    record.disabled = true;
    try {
      await ask("/api/recording", { record: !on });
    } catch (error) {
      $("recordings-error").textContent = error.message;
      $("recordings").showModal();
    } finally {
      record.disabled = false;
    }
  });
  $("copy").addEventListener("click", async () => {
    await navigator.clipboard?.writeText("make topo");
    text($("copy"), "Copied");
  });
  return {
    update({ state, connection }) {
      const { network, mode } = state;
      const up = Boolean(network?.up);
      const [word, kind] = stateOf(connection, mode, up, network);
      text($("state"), word);
      $("state").dataset.kind = kind;
      const topology = network?.topology;
      text($("network-name"), topology ? `${topology.name} on ${topology.target}` : "");
      text($("viewers"), mode.viewers > 1 ? `${mode.viewers} viewers` : "");
      record.hidden = Boolean(mode.replay);
      record.disabled = !up && !mode.recording;
      record.setAttribute("aria-pressed", String(Boolean(mode.recording)));
      text(record, mode.recording ? "Stop recording" : "Record");
      document.body.dataset.kind = kind;
      document.title = `${word} – FALCON testbed`;
      const absent = Boolean(network) && !up && !mode.replay && connection.up;
      $("absent").hidden = !absent;
      text($("absent-why"), network?.text ?? "");
      const isGone = network?.gone !== false;
      text($("absent-title"), isGone ? "No network is up" : "The network does not answer");
      text($("absent-how"), isGone ? "Bring one up in a terminal; this page notices by itself:" : "Repair it in a terminal; this page notices by itself:");
      const trouble = up && !mode.replay ? (network.text ?? "") : "";
      $("trouble").hidden = !trouble;
      text($("trouble"), trouble);
    },
  };
}

function stateOf(connection, mode, up, network) {
  if (!connection.up) return [connection.reason || "The dashboard's server does not answer", "gone"];
  if (mode.replay) return ["Replay", "replay"];
  if (!network) return ["Looking for the network", "gone"];
  if (!up) return [network.gone === false ? "Network in trouble" : "Network down", "down"];
  const failed = network.text ? ", a part in trouble" : "";
  if (failed) return [mode.recording ? `Live, recording${failed}` : `Live${failed}`, "trouble"];
  return mode.recording ? ["Live, recording", "recording"] : ["Live", "live"];
}
