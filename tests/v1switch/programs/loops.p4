// Loops and early ends of actions: sums and products of the first byte's number.
#include <core.p4>
#include <v1model.p4>

header order_h { bit<8> n; bit<32> sum; bit<32> product; bit<32> odd; bit<8> first; bit<8> size; }
struct headers_t { order_h order; }
struct metadata_t {}

parser LoopParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) {
    state start { packet.extract(hdr.order); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control LoopIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    action sums() {
        hdr.order.sum = 0;
        for (bit<8> i = 1; i <= hdr.order.n; i = i + 1) { hdr.order.sum = hdr.order.sum + (bit<32>)i; }
    }
    action products() {
        hdr.order.product = 0;
        for (bit<8> i = 0; i < hdr.order.n; i = i + 1) {
            for (bit<8> j = 0; j < 3; j = j + 1) { hdr.order.product = hdr.order.product + 1; }
        }
    }
    action odds() {
        hdr.order.odd = 0;
        for (bit<8> i = 0; i < hdr.order.n; i = i + 1) {
            if (i & 1 == 0) { continue; }
            hdr.order.odd = hdr.order.odd + 1;
        }
    }
    action squares() {
        hdr.order.first = 0xff;
        for (bit<8> i = 0; i < 15; i = i + 1) {
            if (i * i >= hdr.order.n) { hdr.order.first = i; break; }
        }
    }
    action sizes() {
        hdr.order.size = 1;
        if (hdr.order.n > 2) {
            if (hdr.order.n > 4) {
                hdr.order.size = 2;
                if (hdr.order.n > 8) { hdr.order.size = 3; return; }
                hdr.order.size = hdr.order.size + 0x10;
            }
            hdr.order.size = hdr.order.size + 0x20;
            return;
        }
        hdr.order.size = hdr.order.size + 0x40;
    }
    action leaves(inout bit<8> n) { n = n + 1; if (n == 78) { return; } exit; }
    apply { standard.egress_spec = 2; sums(); products(); odds(); squares(); sizes(); leaves(hdr.order.n); hdr.order.size = 0xee; }
}
control LoopEgress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) { apply {} }
control LoopDeparser(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.order); } }
V1Switch(LoopParser(), Nothing(), LoopIngress(), LoopEgress(), Nothing(), LoopDeparser()) main;
