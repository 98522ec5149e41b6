// Header unions alone and in stacks. The first byte says what to do, the second is an index.
// mend.py makes the union `at` the element of `items` at that index, and writes the last actions.
#include <core.p4>
#include <v1model.p4>

header order_h { bit<8> what; bit<8> at; bit<8> tag; }
header small_h { bit<8> kind; bit<8> value; }
header large_h { bit<8> kind; bit<16> value; bit<16> more; }
header sum_h { bit<8> valid; bit<16> value; bit<8> members; }
header_union item_u { small_h small; large_h large; }
struct headers_t { order_h order; sum_h sum; item_u first; item_u second; item_u[3] items; item_u[3] others; item_u at; }
struct metadata_t {}

parser UnionParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    state start {
        packet.extract(hdr.order);
        transition select(hdr.order.tag) { 1: one_small; 2: one_large; default: accept; }
    }
    state one_small { packet.extract(hdr.first.small); transition next; }
    state one_large { packet.extract(hdr.first.large); transition next; }
    state next {
        transition select(packet.lookahead<bit<8>>()) {
            1 &&& 0x0f: small;
            2 &&& 0x0f: large;
            default: accept;
        }
    }
    state small {
        packet.extract(hdr.items.next.small);
        transition select(hdr.items.last.small.value) { 0xff: accept; default: next; }
    }
    state large {
        packet.extract(hdr.items.next.large);
        transition select(hdr.items.last.large.value) { 0xffff: accept; default: next; }
    }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control UnionIngress(inout headers_t hdr, inout metadata_t meta,
                     inout standard_metadata_t standard) {
    action swap_kind() { hdr.first.large.setValid(); hdr.first.large.kind = 0xc1; hdr.first.large.value = 0xc2c3; }
    action make_small(bit<8> v) { hdr.second.small.setValid(); hdr.second.small.value = v; }
    action push() { hdr.items.push_front(1); }
    action pop() { hdr.items.pop_front(1); }
    action assign_union() { hdr.second = hdr.first; }
    action assign_union_stack() { hdr.others = hdr.items; }
    action assign_union_at() { hdr.at = hdr.first; }
    action assign_union_from() { hdr.second = hdr.at; }
    apply {
        standard.egress_spec = 2;
        hdr.sum.setValid();
        hdr.sum.valid = 0;
        hdr.sum.members = 0;
        hdr.sum.value = 0;
        if (hdr.order.what == 1) { swap_kind(); }
        else if (hdr.order.what == 2) { make_small(0xd1); }
        else if (hdr.order.what == 3) { hdr.second = hdr.first; }
        else if (hdr.order.what == 4) { hdr.first.small.setInvalid(); hdr.first.large.setInvalid(); }
        else if (hdr.order.what == 5) { push(); }
        else if (hdr.order.what == 6) { pop(); }
        else if (hdr.order.what == 7) { hdr.others = hdr.items; }
        else if (hdr.order.what == 8) { hdr.items[1] = hdr.items[0]; }
        else if (hdr.order.what == 9) { assign_union(); }
        else if (hdr.order.what == 10) { assign_union_stack(); }
        else if (hdr.order.what == 12) { assign_union_at(); }
        else if (hdr.order.what == 13) { assign_union_from(); }
        else if (hdr.order.what == 14) { hdr.second = hdr.first; hdr.first.small.setValid(); hdr.first.small.kind = 1; }
        else if (hdr.order.what == 11) { hdr.items[2].large.setValid(); hdr.items[2].large.value = 9; }
        if (hdr.first.isValid()) { hdr.sum.valid = hdr.sum.valid | 1; }
        if (hdr.second.isValid()) { hdr.sum.valid = hdr.sum.valid | 2; }
        if (hdr.first == hdr.second) { hdr.sum.valid = hdr.sum.valid | 16; }
        if (hdr.at.isValid()) { hdr.sum.valid = hdr.sum.valid | 8; }
        if (hdr.order.what == 250) { hdr.sum.members = hdr.sum.members | 4; }
        if (hdr.order.what == 250) { hdr.sum.members = hdr.sum.members | 8; }
        if (hdr.items[0].small.isValid()) { hdr.sum.members = hdr.sum.members | 1; }
        if (hdr.items[1].large.isValid()) { hdr.sum.members = hdr.sum.members | 2; }
    }
}
control UnionEgress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) { apply {} }
control UnionDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.order); packet.emit(hdr.sum); packet.emit(hdr.first);
        packet.emit(hdr.second); packet.emit(hdr.items); packet.emit(hdr.others);
    }
}
V1Switch(UnionParser(), Nothing(), UnionIngress(), UnionEgress(), Nothing(), UnionDeparser()) main;
