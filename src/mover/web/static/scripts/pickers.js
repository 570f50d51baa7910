"use strict";
// Folder pickers: arrow keys walk through the list, and after a folder was opened the first entry has the focus.
document.addEventListener("keydown", (event) => {
  const list = event.target.closest?.(".picker-list");
  if (!list) return;
  const buttons = [...list.querySelectorAll("button")];
  const here = buttons.indexOf(event.target);
  const there = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (event.key === "Backspace" || event.key === "ArrowLeft") {
    const crumbs = list.closest(".picker").querySelectorAll(".crumb");
    if (crumbs.length > 1) {
      event.preventDefault();
      crumbs[crumbs.length - 2].click();
    }
  } else if (event.key === "ArrowRight") {
    event.preventDefault();
    event.target.click();
  } else if (there !== undefined && buttons[there]) {
    event.preventDefault();
    buttons[there].focus();
  }
});
document.addEventListener("htmx:afterSettle", (event) => {
  const picker = event.detail.elt.closest?.(".picker");
  if (!picker || !event.detail.requestConfig?.triggeringEvent) return;
  (picker.querySelector(".picker-list button") ?? picker.querySelector(".picker-list")).focus();
});
