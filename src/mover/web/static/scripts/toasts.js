"use strict";
document.documentElement.classList.replace("without-script", "with-script");

const say = (text) => {
  const toast = document.getElementById("toast-template").content.cloneNode(true);
  toast.querySelector("p").textContent = text;
  document.getElementById("toasts").append(toast);
};

document.addEventListener("click", (event) => {
  const dismiss = event.target.closest("[data-dismiss]");
  if (dismiss) dismiss.closest(".toast").remove();
});

document.addEventListener("htmx:responseError", (event) => {
  const words = event.detail.xhr.getResponseHeader("X-Mover-Said");
  say(words ? decodeURIComponent(words) : "That did not work. Load the page again and try once more.");
});
document.addEventListener("htmx:sendError", () => say("Mover cannot be reached. Check your connection, then try again."));
