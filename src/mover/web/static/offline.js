"use strict";
// Keeps one page, and how it looks, for when this Mover cannot be reached. Nothing else is kept: pages hold what is
// somebody's own.
const STORE = "mover-offline";
const keepPage = async () => {
  const store = await caches.open(STORE);
  const asked = new Request("/offline", { cache: "reload", credentials: "omit" });
  const page = await fetch(asked);
  const style = (await page.clone().text()).match(/\/static\/mover\.[0-9a-f]+\.css/)[0];
  await store.put("/offline", page);
  await store.add(style);
  await self.skipWaiting();
};
self.addEventListener("install", (event) => event.waitUntil(keepPage()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate") {
    event.respondWith(fetch(event.request).catch(() => caches.match("/offline")));
  } else if (event.request.destination === "style") {
    event.respondWith(fetch(event.request).catch(() => caches.match(event.request)));
  }
});
