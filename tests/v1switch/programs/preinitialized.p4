// Tables that begin with entries of the program's and stay open to the controller.
#include <core.p4>
#include <v1model.p4>

header asked_h { bit<8> exact_; bit<8> masked; }
struct headers_t { asked_h asked; }
struct metadata_t {}

parser PreParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                 inout standard_metadata_t standard) {
    state start { packet.extract(hdr.asked); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control PreIngress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    action send(bit<9> port) { standard.egress_spec = port; }
    action drop() { mark_to_drop(standard); }
    table exactly {
        key = { hdr.asked.exact_ : exact @name("value"); }
        actions = { send; drop; }
        default_action = drop();
        entries = { 1 : send(1); 2 : send(2); }
        size = 4;
    }
    table masked {
        key = { hdr.asked.masked : ternary @name("value"); }
        actions = { send; NoAction; }
        default_action = NoAction();
        entries = { 0x10 &&& 0xf0 : send(3); 0x01 &&& 0x0f : send(4); }
        size = 4;
    }
    apply { exactly.apply(); masked.apply(); }
}
control PreEgress(inout headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) { apply {} }
control PreDeparser(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.asked); } }
V1Switch(PreParser(), Nothing(), PreIngress(), PreEgress(), Nothing(), PreDeparser()) main;
