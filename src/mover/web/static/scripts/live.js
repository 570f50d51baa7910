"use strict";
// Live parts say when they are not: the line came apart, and the browser is trying again.
document.addEventListener("htmx:sseError", (event) => {
  const notice = document.querySelector("[data-live-lost]");
  if (notice) notice.hidden = false;
});
document.addEventListener("htmx:sseOpen", () => {
  const notice = document.querySelector("[data-live-lost]");
  if (notice) notice.hidden = true;
});
// A form that only chooses what is shown needs no button.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});
for (const button of document.querySelectorAll("[data-submit-button]")) button.hidden = true;
