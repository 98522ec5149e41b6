// One large table of each kind; a frame's kind says which one it is looked up in.
#include <core.p4>
#include <v1model.p4>

header asked_h { bit<48> dst; bit<48> src; bit<16> kind; bit<64> number; bit<64> key; }
struct headers_t { asked_h asked; }
struct metadata_t {}

parser LookParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) {
    state start { packet.extract(hdr.asked); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control LookIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    action send(bit<9> port) { standard.egress_spec = port; }
    action drop() { mark_to_drop(standard); }
    table exact_table {
        key = { hdr.asked.key : exact @name("key"); }
        actions = { send; drop; }
        default_action = drop();
        size = 131072;
    }
    table lpm_table {
        key = { hdr.asked.key : lpm @name("key"); }
        actions = { send; drop; }
        default_action = drop();
        size = 131072;
    }
    table ternary_table {
        key = { hdr.asked.key : ternary @name("key"); }
        actions = { send; drop; }
        default_action = drop();
        size = 131072;
    }
    apply {
        if (hdr.asked.kind == 0x9001) { exact_table.apply(); }
        else if (hdr.asked.kind == 0x9002) { lpm_table.apply(); }
        else if (hdr.asked.kind == 0x9003) { ternary_table.apply(); }
        else { standard.egress_spec = 2; }
    }
}
control LookEgress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) { apply {} }
control LookDeparser(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.asked); } }
V1Switch(LookParser(), Nothing(), LookIngress(), LookEgress(), Nothing(), LookDeparser()) main;
