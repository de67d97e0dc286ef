"""The public API, one module a subject; `napari_localdisc` itself names what is in it."""
