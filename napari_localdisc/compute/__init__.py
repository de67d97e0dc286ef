"""The process that computes for a window, and the client that talks to it.

The window's process never imports torch. `client` starts one process of our own, sends it calls of
generator functions in `jobs` and hands on the progress that comes back; `server` runs there.
"""
