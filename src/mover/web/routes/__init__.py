"""The pages, a module a subject; each exports its `WAYS`."""
