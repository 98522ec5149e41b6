"""The Thrift interface of BMv2's simple_switch, for simple_switch_CLI and what is built like it.

Needs the library Apache Thrift (extra `v1switch[thrift]`), so only the command line's
`--thrift-port` imports this package, when it is asked for.
"""
