// Meters of packets and bytes, indirect and direct: each frame tells the colours it got.
#include <core.p4>
#include <v1model.p4>

header order_h {
    bit<8> at; bit<8> entry; bit<8> by_packets; bit<8> by_bytes; bit<8> direct_packets;
    bit<8> direct_bytes; bit<8> twice;
}
struct headers_t { order_h order; }
struct metadata_t { bit<2> packets; bit<3> bytes; bit<8> direct_packets; bit<16> direct_bytes; }

parser PaceParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                  inout standard_metadata_t standard) {
    state start { packet.extract(hdr.order); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control PaceIngress(inout headers_t hdr, inout metadata_t meta,
                    inout standard_metadata_t standard) {
    meter(4, MeterType.packets) by_packets;
    meter(4, MeterType.bytes) by_bytes;
    direct_meter<bit<8>>(MeterType.packets) entry_packets;
    direct_meter<bit<16>>(MeterType.bytes) entry_bytes;
    direct_counter(CounterType.packets_and_bytes) counted;
    counter(4, CounterType.packets_and_bytes) colours;

    action paced() { entry_packets.read(meta.direct_packets); }
    action weighed(bit<8> mark) { entry_bytes.read(meta.direct_bytes); hdr.order.twice = mark; }
    table pace { key = { hdr.order.entry : exact; } actions = { paced; NoAction; } meters = entry_packets; counters = counted; }
    table weigh { key = { hdr.order.entry : ternary; } actions = { weighed; NoAction; } meters = entry_bytes; }
    apply {
        standard.egress_spec = 2;
        by_packets.execute_meter((bit<32>)hdr.order.at, meta.packets);
        by_bytes.execute_meter((bit<32>)hdr.order.at, meta.bytes);
        pace.apply();
        weigh.apply();
        hdr.order.by_packets = (bit<8>)meta.packets;
        hdr.order.by_bytes = (bit<8>)meta.bytes;
        hdr.order.direct_packets = meta.direct_packets;
        hdr.order.direct_bytes = (bit<8>)meta.direct_bytes;
        colours.count((bit<32>)meta.packets);
        if (meta.bytes == 2) { mark_to_drop(standard); }
    }
}
control PaceEgress(inout headers_t hdr, inout metadata_t meta,
                   inout standard_metadata_t standard) {
    meter(2, MeterType.bytes) leaving;
    apply {
        bit<8> colour = 0;
        leaving.execute_meter(0, colour);
        hdr.order.twice = hdr.order.twice | colour << 6;
    }
}
control PaceDeparser(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.order); } }
V1Switch(PaceParser(), Nothing(), PaceIngress(), PaceEgress(), Nothing(), PaceDeparser()) main;
