// Formulas and figures that are wider than a narrow screen scroll in their own frame: let the keyboard get at them.
const frames = "mjx-container[display], .cell_output figure";

function mark() {
  for (const frame of document.querySelectorAll(frames)) {
    if (frame.scrollWidth > frame.clientWidth && getComputedStyle(frame).overflowX !== "visible") frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  }
}

addEventListener("load", mark);
addEventListener("resize", mark);

// On paper nothing can be opened: print what is folded away.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("main article details:not([open])")) {
    details.open = true;
    details.dataset.opened = "for print";
  }
});
addEventListener("afterprint", () => {
  for (const details of document.querySelectorAll("[data-opened]")) {
    details.open = false;
    delete details.dataset.opened;
  }
});
