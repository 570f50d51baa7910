"use strict";
// A page that asks for a confirmation is shown as a dialog; `data-close` closes it, and so do Escape and the backdrop.
document.addEventListener("htmx:afterSwap", (event) => {
  const dialog = event.target;
  if (dialog.id === "dialog" && !dialog.open) dialog.showModal();
});
document.addEventListener("click", (event) => {
  const dialog = event.target.closest("dialog");
  if (!dialog) return;
  if (event.target === dialog || event.target.closest("[data-close]")) {
    event.preventDefault();
    dialog.close();
  }
});
// Menus that are open close when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.dropdown[open], details[data-menu][open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = event.target.closest?.("details.dropdown[open], details[data-menu][open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
