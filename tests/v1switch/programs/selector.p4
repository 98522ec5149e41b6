// Action profiles: members directly, and groups by a selector's hash.
#include <core.p4>
#include <v1model.p4>

header key_h { bit<8> a; bit<8> b; bit<16> flow; }
struct headers_t { key_h key; }
struct metadata_t {}

parser SelectorParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                      inout standard_metadata_t standard) {
    state start { packet.extract(hdr.key); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control SelectorIngress(inout headers_t hdr, inout metadata_t meta,
                        inout standard_metadata_t standard) {
    action send(bit<9> port) { standard.egress_spec = port; }
    action mark(bit<8> v) { hdr.key.b = v; }
    action drop() { mark_to_drop(standard); }
    action_profile(16) members;
    action_selector(HashAlgorithm.crc16, 32w16, 32w14) paths;
    table plain {
        key = { hdr.key.a : exact; }
        actions = { mark; NoAction; }
        implementation = members;
        size = 64;
    }
    table balanced {
        key = { hdr.key.a : exact; hdr.key.flow : selector; hdr.key.b : selector; }
        actions = { send; drop; NoAction; }
        implementation = paths;
        size = 64;
    }
    apply {
        standard.egress_spec = 3;
        plain.apply();
        balanced.apply();
    }
}
control SelectorEgress(inout headers_t hdr, inout metadata_t meta,
                       inout standard_metadata_t standard) { apply {} }
control SelectorDeparser(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.key); } }
V1Switch(SelectorParser(), Nothing(), SelectorIngress(), SelectorEgress(), Nothing(),
         SelectorDeparser()) main;
