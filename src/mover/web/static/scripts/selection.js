"use strict";
// Choosing rows of a table: the box in the head chooses all that are shown, and then offers all that match the filter.
const rowBoxes = (form) => [...form.querySelectorAll("tbody input[type=checkbox]:enabled")];
const refreshSelection = (form) => {
  const boxes = rowBoxes(form);
  const chosen = boxes.filter((box) => box.checked).length;
  const head = form.querySelector("[data-select-all]");
  if (head) {
    head.checked = chosen > 0 && chosen === boxes.length;
    head.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  const everything = form.querySelector("input[name=everything]");
  if (everything && chosen < boxes.length) everything.checked = false;
  const bar = form.querySelector(".bulk");
  if (!bar) return;
  bar.classList.toggle("bulk-on", chosen > 0);
  const total = Number(form.dataset.total);
  const count = everything?.checked ? total : chosen;
  bar.querySelector("[data-count]").textContent = `${count.toLocaleString("en")} chosen`;
  const offer = bar.querySelector("[data-offer]");
  if (offer) offer.hidden = !(chosen === boxes.length && total > boxes.length);
};
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-selection]");
  if (!form) return;
  if (event.target.matches("[data-select-all]")) {
    for (const box of rowBoxes(form)) box.checked = event.target.checked;
  }
  refreshSelection(form);
});
const refreshAllSelections = () => document.querySelectorAll("form[data-selection]").forEach(refreshSelection);
document.addEventListener("htmx:afterSettle", refreshAllSelections);
window.addEventListener("pageshow", refreshAllSelections);
