"use strict";
// Keeps the page for when this Mover cannot be reached. Nothing else is kept: pages hold what is somebody's own.
const STORE = "mover-offline";
self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(STORE)
      .then((store) => store.add(new Request("/offline", { cache: "reload", credentials: "omit" })))
      .then(() => self.skipWaiting()),
  );
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (event.request.mode !== "navigate") return;
  event.respondWith(fetch(event.request).catch(() => caches.match("/offline")));
});
