// The program of report.html: charts from the numbers that the page carries, and packets to follow.
// Without it the page shows every table and all texts.

import "uplot/dist/uPlot.min.css";
import "./style.css";
import { showCharts } from "./charts.js";
import { showFrames } from "./frames.js";

const data = JSON.parse(document.getElementById("data").textContent);
for (const fold of document.querySelectorAll("details.fold")) {
  fold.open = false; // charts stand for the tables now
}
addEventListener("beforeprint", () => unfold(true)); // paper cannot be asked for more
addEventListener("afterprint", () => unfold(false));
showCharts(data.charts);
// Open all folds, and close those again that were closed.
function unfold(open) {
  for (const fold of document.querySelectorAll("details")) {
    if (open && !fold.open) {
      fold.open = true;
      fold.dataset.unfolded = "";
    } else if (!open && "unfolded" in fold.dataset) {
      fold.open = false;
      delete fold.dataset.unfolded;
    }
  }
}

for (const place of document.querySelectorAll("[data-frames]")) {
  showFrames(place, data.frames[Number(place.dataset.frames)], data.stages);
}
