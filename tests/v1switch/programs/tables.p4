// One table of each kind without entries: tests fill them.
#include <core.p4>
#include <v1model.p4>

header key_h { bit<8> a; bit<16> b; bit<8> c; }
header found_h { bit<16> exact_; bit<16> longest; bit<16> ternary_; bit<16> range_; }
struct headers_t { key_h key; found_h found; }
struct metadata_t {}

parser TableParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    value_set<bit<8>>(4) wanted;
    state start {
        packet.extract(hdr.key);
        transition select(hdr.key.a) { wanted: more; default: accept; }
    }
    state more { hdr.key.c = 0xee; transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control TableIngress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) {
    action found_exact(bit<16> v) { hdr.found.exact_ = v; }
    action found_longest(bit<16> v) { hdr.found.longest = v; }
    action found_ternary(bit<16> v) { hdr.found.ternary_ = v; }
    action found_range(bit<16> v) { hdr.found.range_ = v; }
    table exactly {
        key = { hdr.key.a : exact; hdr.key.b : exact; }
        actions = { found_exact; NoAction; }
        support_timeout = true;
        size = 8;
    }
    table longest {
        key = { hdr.key.b : lpm; hdr.key.c : exact; }
        actions = { found_longest; NoAction; }
        size = 64;
    }
    table patterned {
        key = { hdr.key.a : ternary; hdr.key.b : ternary; }
        actions = { found_ternary; NoAction; }
        size = 64;
    }
    table ranged {
        key = { hdr.key.a : range; hdr.key.b : range; hdr.key.c : ternary; }
        actions = { found_range; NoAction; }
        size = 64;
    }
    apply {
        standard.egress_spec = 2;
        hdr.found.setValid();
        exactly.apply();
        longest.apply();
        patterned.apply();
        ranged.apply();
    }
}
control TableEgress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) { apply {} }
control TableDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.found); packet.emit(hdr.key); }
}
V1Switch(TableParser(), Nothing(), TableIngress(), TableEgress(), Nothing(), TableDeparser()) main;
