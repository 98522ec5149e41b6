// Multicast, clones with preserved fields, resubmit, recirculate, truncate, exit, intrinsic fields.
// The first byte says what to do, the second is an argument.
#include <core.p4>
#include <v1model.p4>

header order_h { bit<8> what; bit<8> arg; }
header trail_h {
    bit<8> instance_type; bit<8> rounds; bit<16> kept; bit<16> lost; bit<16> rid; bit<16> ports;
    bit<32> length; bit<16> extra;
}
struct headers_t { trail_h trail; order_h order; }
struct metadata_t {
    @field_list(1, 2) bit<16> kept;
    @field_list(2)    bit<8>  rounds;
    bit<16> lost;
    bit<1>  spare;
}

parser ReplicationParser(packet_in packet, out headers_t hdr, inout metadata_t meta,
                         inout standard_metadata_t standard) {
    state start { packet.extract(hdr.order); transition accept; }
}
control Nothing(inout headers_t hdr, inout metadata_t meta) { apply {} }

control ReplicationIngress(inout headers_t hdr, inout metadata_t meta,
                           inout standard_metadata_t standard) {
    apply {
        standard.egress_spec = 2;
        meta.lost = 0x1111;
        if (meta.rounds == 0) { meta.kept = 0x2222; }
        if (hdr.order.what == 1) { standard.mcast_grp = (bit<16>)hdr.order.arg; }
        else if (hdr.order.what == 2) { clone_preserving_field_list(CloneType.I2E, (bit<32>)hdr.order.arg, 1); }
        else if (hdr.order.what == 3) { clone(CloneType.I2E, (bit<32>)hdr.order.arg); hdr.order.arg = 77; }
        else if (hdr.order.what == 4 && meta.rounds < 3) {
            meta.rounds = meta.rounds + 1;
            meta.kept = meta.kept + 1;
            hdr.order.arg = hdr.order.arg + 1;
            resubmit_preserving_field_list(2);
        }
        else if (hdr.order.what == 6) { mark_to_drop(standard); }
        else if (hdr.order.what == 7) { mark_to_drop(standard); standard.egress_spec = 3; }
        else if (hdr.order.what == 8) { standard.mcast_grp = 5; mark_to_drop(standard); }
        else if (hdr.order.what == 9) { truncate((bit<32>)hdr.order.arg); }
        else if (hdr.order.what == 10) { hdr.order.setInvalid(); }
        else if (hdr.order.what == 11) { exit; }
        else if (hdr.order.what == 12) {
            clone_preserving_field_list(CloneType.I2E, (bit<32>)hdr.order.arg, 1);
            mark_to_drop(standard);
        }
        else if (hdr.order.what == 13) { standard.mcast_grp = 99; }
        else if (hdr.order.what == 16) { standard.priority = hdr.order.arg[2:0]; }
        meta.spare = 1;
    }
}
control ReplicationEgress(inout headers_t hdr, inout metadata_t meta,
                          inout standard_metadata_t standard) {
    apply {
        if (hdr.order.what == 5 && meta.rounds < 3) {
            meta.rounds = meta.rounds + 1;
            hdr.order.arg = hdr.order.arg + 1;
            recirculate_preserving_field_list(2);
        } else if (hdr.order.what == 14 && standard.instance_type == 0) {
            clone_preserving_field_list(CloneType.E2E, (bit<32>)hdr.order.arg, 2);
            meta.kept = 0x3333;
        } else if (hdr.order.what == 15) { mark_to_drop(standard); }
        if (!(hdr.order.what == 5 && standard.instance_type == 0)) {
            hdr.trail.setValid();
            hdr.trail.instance_type = (bit<8>)standard.instance_type;
            hdr.trail.rounds = meta.rounds;
            hdr.trail.kept = meta.kept;
            hdr.trail.lost = meta.lost;
            hdr.trail.rid = standard.egress_rid;
            hdr.trail.ports = (bit<16>)standard.egress_port | (bit<16>)standard.ingress_port << 9;
            hdr.trail.length = standard.packet_length;
            hdr.trail.extra = (bit<16>)standard.egress_spec;
        }
    }
}
control ReplicationDeparser(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.order); packet.emit(hdr.trail); }
}
V1Switch(ReplicationParser(), Nothing(), ReplicationIngress(), ReplicationEgress(), Nothing(),
         ReplicationDeparser()) main;
