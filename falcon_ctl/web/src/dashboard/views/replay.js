// Recordings: the list, and the bar that plays one.

import { bytes, minutes } from "../../shared/format.js";
import { $, h, keyed, text } from "../../shared/dom.js";
import { ask } from "../connection.js";
import { position } from "../store.js";

export function makeReplay() {
  const dialog = $("recordings");
  const seek = $("seek");
  let mode = null;
  let last = null;
  let sought = 0; // requests under way: the bar then shows where the user put it

  $("open-recordings").addEventListener("click", () => dialog.showModal());
  $("play").addEventListener("click", () => act({ play: !mode.replay.playing }));
  $("live").addEventListener("click", () => act({ close: true }));
  $("speed").addEventListener("change", () => act({ speed: Number($("speed").value) }));
  seek.addEventListener("input", async () => {
    sought += 1;
    const mine = sought;
    await new Promise((done) => setTimeout(done, 120)); // while it is being dragged only the last counts
    if (mine !== sought) return;
    await act({ seek: soughtPosition(Number(seek.value), mode?.replay?.duration ?? 0) });
    if (mine === sought) sought = 0;
  });
  seek.addEventListener("keydown", (event) => { // of a bar that is there already there is no input
    const ends = { Home: 0, End: mode?.replay?.duration ?? 0 };
    if (!(event.key in ends)) return;
    event.preventDefault();
    act({ seek: ends[event.key] });
  });
  setInterval(() => last && showPosition(), 200);

  // The bar moves in steps, and its last one may lie in front of the end.
  function soughtPosition(value, duration) {
    return value > duration - Number(seek.step) ? duration : value;
  }

  async function act(wanted) {
    text($("recordings-error"), "");
    try {
      await ask("/api/replay", wanted);
      return true;
    } catch (error) {
      text($("recordings-error"), error.message);
      if (!dialog.open) dialog.showModal();
      return false;
    }
  }

  async function open(name) {
    if (await act({ open: name })) dialog.close();
  }

  function showPosition() {
    const { replay } = last.state.mode;
    if (!replay) return;
    const now = position(last.state, performance.now());
    if (!sought) seek.value = String(now);
    const words = `${minutes(now)} of ${minutes(replay.duration)}`;
    text($("position"), words);
    seek.setAttribute("aria-valuetext", words);
  }

  function showList(list, items) {
    keyed(
      list, items, (one) => one.name,
      (one) => h(
        "li", {},
        h("span", { class: "name" }, one.name), h("span", { class: "quiet" }),
        h("button", { type: "button", class: "button", "aria-label": `Play ${one.name}`, onclick: () => open(one.name) }, "Play"),
        h("a", { class: "button", href: `/recordings/${encodeURIComponent(one.name)}`, download: one.name, "aria-label": `Download ${one.name}` }, "Download"),
      ),
      (item, one) => text(item.children[1], bytes(one.bytes)),
    );
  }

  return {
    update(shown) {
      last = shown;
      ({ mode } = shown.state);
      const { replay, recordings } = mode;
      $("replay").hidden = !replay;
      document.body.dataset.replay = String(Boolean(replay));
      if (replay) {
        text($("play"), replay.playing ? "Pause" : "Play");
        seek.max = String(replay.duration);
        if (document.activeElement !== $("speed")) $("speed").value = String(replay.speed);
        $("replay").setAttribute("aria-label", `Replay of ${replay.name}`);
        showPosition();
      }
      showList($("recording-list"), recordings);
      showList($("absent-recordings"), recordings);
      $("absent-replay").hidden = recordings.length === 0;
    },
  };
}
