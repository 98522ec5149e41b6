"""Containers: namespaces of their own, created by `hold`; `enter` runs programs in them.

Both are programs that the daemon starts. They need nothing but the standard library, so that they
start in a few milliseconds. What a container is and is not: docs/containers.md.
"""
