// Ports 1 and 2 are the ends of one wire; everything else is dropped.
#include <core.p4>
#include <v1model.p4>

struct headers_t {}
struct metadata_t {}

parser WireParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) {
    state start { transition accept; }
}

control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control WireIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    action send(bit<9> port) { standard.egress_spec = port; }
    action drop() { mark_to_drop(standard); }
    table wire {
        key = { standard.ingress_port : exact; }
        actions = { send; drop; }
        const default_action = drop();
        const entries = { 1 : send(2); 2 : send(1); }
    }
    apply { wire.apply(); }
}

control WireEgress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) { apply {} }

control WireDeparser(packet_out packet, in headers_t hdr) { apply {} }

V1Switch(WireParser(), Nothing(), WireIngress(), WireEgress(), Nothing(), WireDeparser()) main;
