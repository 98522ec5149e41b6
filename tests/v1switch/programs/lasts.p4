// Elements of header stacks: the last one as a whole, the last index, elements at computed places.
// The first byte says what to do, the second at which place. mend.py makes the header `here` the
// element of `items` at that place, and writes the last action.
#include <core.p4>
#include <v1model.p4>

header order_h { bit<8> what; bit<8> at; bit<8> tag; }
header item_h { bit<1> bottom; bit<7> kind; bit<16> value; }
header sum_h { bit<8> equal; bit<8> last_index; bit<16> value; bit<8> valid; }
struct headers_t { order_h order; sum_h sum; item_h[4] items; item_h copy; item_h first; item_h[4] others; item_h here; }
struct metadata_t { item_h last; bit<8> index; bit<7> kinds; }

parser LastParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.order);
        transition select(hdr.order.tag) { 0: accept; default: item; }
    }
    state item {
        packet.extract(hdr.items.next);
        meta.last = hdr.items.last;
        hdr.copy = hdr.items.last;
        meta.index = (bit<8>)hdr.items.lastIndex;
        meta.kinds = meta.kinds + hdr.items.last.kind;
        transition select(hdr.items.last.bottom, hdr.items.last.kind) {
            (0, 1 .. 9): item;
            (0, 0x70 &&& 0x70): odd;
            default: accept;
        }
    }
    state odd { hdr.first = hdr.items[0]; transition item; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control LastIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    action assign_header_stack() { hdr.others = hdr.items; }
    apply {
        standard.egress_spec = 2;
        hdr.sum.setValid();
        hdr.sum.equal = 0;
        hdr.sum.valid = 0;
        hdr.sum.last_index = meta.index;
        hdr.sum.value = meta.last.value;
        bit<8> at = hdr.order.at & 3;
        if (hdr.order.what == 1) { hdr.items[at] = hdr.first; }
        else if (hdr.order.what == 2) { hdr.copy = hdr.items[at]; }
        else if (hdr.order.what == 3) { hdr.items[at].setInvalid(); }
        else if (hdr.order.what == 4) { hdr.items[at].setValid(); }
        else if (hdr.order.what == 5) { hdr.items[at].value = hdr.items[at].value + 1; }
        else if (hdr.order.what == 6) { hdr.items[at] = hdr.items[(at + 1) & 3]; }
        else if (hdr.order.what == 7) { hdr.items.pop_front(2); hdr.items.push_front(1); }
        else if (hdr.order.what == 8) { hdr.items.push_front(9); }
        else if (hdr.order.what == 9) { hdr.items.pop_front(9); }
        else if (hdr.order.what == 10) { assign_header_stack(); hdr.items[0].setInvalid(); }
        else if (hdr.order.what == 11) { hdr.here = hdr.first; }
        if (hdr.order.what == 250) { hdr.sum.equal = hdr.sum.equal | 8; }
        if (hdr.order.what == 250) { hdr.sum.equal = hdr.sum.equal | 16; }
        if (hdr.items[0] == hdr.items[1]) { hdr.sum.equal = hdr.sum.equal | 1; }
        if (hdr.copy == hdr.items[2]) { hdr.sum.equal = hdr.sum.equal | 2; }
        if (hdr.copy != hdr.first) { hdr.sum.equal = hdr.sum.equal | 4; }
        if (hdr.items[1].isValid()) { hdr.sum.valid = hdr.sum.valid | 1; }
        if (hdr.here.isValid()) { hdr.sum.valid = hdr.sum.valid | 8; }
        if (meta.last.isValid()) { hdr.sum.valid = hdr.sum.valid | 2; }
        if (meta.kinds > 20) { hdr.sum.valid = hdr.sum.valid | 4; }
    }
}
control LastEgress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) { apply {} }
control LastDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.order); packet.emit(hdr.sum); packet.emit(hdr.items);
        packet.emit(hdr.copy); packet.emit(hdr.first); packet.emit(hdr.others);
    }
}
V1Switch(LastParser(), Nothing(), LastIngress(), LastEgress(), Nothing(), LastDeparser()) main;
