// The figures that move. Each element `.interactive` on the page names one; what cannot start leaves its picture standing.

import learningRate from "./figures/learning_rate.js";
import graphStepper from "./figures/graph_stepper.js";
import landscapeStart from "./figures/landscape_start.js";
import lrBetaPlane from "./figures/lr_beta_plane.js";
import noiseFloor from "./figures/noise_floor.js";
import race from "./figures/race.js";
import transformer from "./figures/transformer.js";
import { mount } from "./kit/mount.js";

const FIGURES = {
  "graph-stepper": graphStepper,
  "learning-rate": learningRate,
  "landscape-start": landscapeStart,
  "lr-beta-plane": lrBetaPlane,
  "noise-floor": noiseFloor,
  race,
  transformer,
};

for (const root of document.querySelectorAll(".interactive")) {
  try {
    mount(root, FIGURES[root.dataset.figure]);
  } catch (error) {
    root.querySelector(".interactive-live")?.remove();
    root.classList.remove("interactive-ready");
    console.error(`The figure ${root.dataset.figure} could not start:`, error);
  }
}
