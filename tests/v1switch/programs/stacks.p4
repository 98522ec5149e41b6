// Header stacks and header copies after parsing. The first byte says what to do.
#include <core.p4>
#include <v1model.p4>

header order_h { bit<8> what; bit<8> arg; bit<8> depth; }
header item_h { bit<8> kind; bit<16> value; bit<8> bottom; }
header sum_h { bit<16> value; bit<8> count; }
struct headers_t { order_h order; sum_h sum; item_h[4] items; item_h[4] others; item_h single; }
struct metadata_t { bit<8> depth; }

parser StackParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.order);
        transition select(hdr.order.depth) { 0: accept; default: item; }
    }
    state item {
        packet.extract(hdr.items.next);
        transition select(hdr.items.last.bottom) { 0: item; default: accept; }
    }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control StackIngress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) {
    action push_one() { hdr.items.push_front(1); hdr.items[0].setValid(); hdr.items[0].kind = 0xaa; }
    action push_two() { hdr.items.push_front(2); hdr.items[1].setValid(); hdr.items[1].value = 7; }
    action pop_one() { hdr.items.pop_front(1); }
    action pop_three() { hdr.items.pop_front(3); }
    apply {
        standard.egress_spec = 2;
        if (hdr.order.what == 1) { push_one(); }
        else if (hdr.order.what == 2) { push_two(); }
        else if (hdr.order.what == 3) { pop_one(); }
        else if (hdr.order.what == 4) { pop_three(); }
        else if (hdr.order.what == 5) { hdr.others = hdr.items; hdr.items[0].setInvalid(); }
        else if (hdr.order.what == 6) { hdr.single = hdr.items[1]; }
        else if (hdr.order.what == 7) { hdr.items[2] = hdr.items[0]; hdr.items[0].value = 1; }
        else if (hdr.order.what == 8) {
            hdr.sum.setValid();
            hdr.sum.value = hdr.items[hdr.order.arg & 3].value;
            hdr.sum.count = 3;
        }
        else if (hdr.order.what == 9) { hdr.items[hdr.order.arg & 3].value = 0x5555; }
        else if (hdr.order.what == 10) {
            hdr.sum.setValid();
            hdr.sum.count = (hdr.items[0] == hdr.items[1]) ? 8w1 : 8w0;
        }
        else if (hdr.order.what == 11) { push_one(); pop_one(); push_two(); }
    }
}
control StackEgress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) { apply {} }
control StackDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.order); packet.emit(hdr.sum); packet.emit(hdr.items);
        packet.emit(hdr.others); packet.emit(hdr.single);
    }
}
V1Switch(StackParser(), Nothing(), StackIngress(), StackEgress(), Nothing(), StackDeparser()) main;
