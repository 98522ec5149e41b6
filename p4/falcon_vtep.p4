// A VXLAN switch: the tunnel end point (VTEP) of the machines on its access ports, and an IP
// router of the underlay between such switches.
//
//   machine --tagged frame--> [ access ] VLAN -> VNI, L2 within the VNI -> tunnel ->-+
//                                                                                   v
//   machine <--tagged frame, or VXLAN-- [ vtep_mode ] <-- route, ECMP <-- underlay --+
//
// Written for v1model (BMv2's simple_switch). Read first: include/headers.p4 for the two layers
// of a frame, then the two controls below, then one file per step. docs/p4-program.md lists
// every table, for authors of controllers.

#include <core.p4>
#include <v1model.p4>

#include "include/constants.p4"
#include "include/headers.p4"
#include "include/parser.p4"
#include "include/checksums.p4"
#include "include/drop.p4"
#include "include/ingress_checks.p4"
#include "include/ingress_access.p4"
#include "include/ingress_underlay.p4"
#include "include/ingress_inspect.p4"
#include "include/ingress_tenant.p4"
#include "include/ingress_bridge.p4"
#include "include/ingress_route.p4"
#include "include/egress_replica.p4"
#include "include/egress_tunnel.p4"
#include "include/egress_link.p4"
#include "include/deparser.p4"

// Forwarding of a valid frame that is not punted to the controller. Any step may set a drop reason.
control IngressForward(inout headers_t hdr,
                       inout metadata_t meta,
                       inout standard_metadata_t std_meta) {
    IngressAccess() access;
    IngressUnderlay() underlay;
    IngressTunnel() tunnel;
    IngressInspect() inspect;
    IngressTenant() tenants;
    IngressBridge() bridge;
    IngressRoute() route;

    apply {
        if (meta.port_kind == PortKind.ACCESS) {
            access.apply(hdr, meta, std_meta);
        } else {
            underlay.apply(hdr, meta, std_meta);
            if (meta.drop_reason == DropReason.NONE && meta.in_tunnel == 1) {
                tunnel.apply(hdr, meta, std_meta);
            }
        }
        // From here on TRANSIT is an underlay packet; everything else is a tenant's frame.
        if (meta.drop_reason == DropReason.NONE && meta.exit_as != Exit.TRANSIT) {
            inspect.apply(hdr, meta);
            if (meta.drop_reason == DropReason.NONE) {
                tenants.apply(hdr, meta, std_meta);
            }
        }
        if (meta.drop_reason == DropReason.NONE && meta.port_kind == PortKind.ACCESS) {
            bridge.apply(hdr, meta, std_meta);
        }
        if (meta.drop_reason == DropReason.NONE
            && (meta.exit_as == Exit.VTEP || meta.exit_as == Exit.TRANSIT)) {
            route.apply(hdr, meta, std_meta);
        }
        // A bridge never sends a frame back where it came from. (An ARP answer is a new frame.)
        if (meta.drop_reason == DropReason.NONE && meta.port_kind == PortKind.ACCESS
            && meta.exit_as != Exit.AS_IS
            && std_meta.egress_spec == std_meta.ingress_port) {
            meta.drop_reason = DropReason.REFLECTED;
        }
    }
}

control FalconIngress(inout headers_t hdr,
                      inout metadata_t meta,
                      inout standard_metadata_t std_meta) {
    counter(PORTS, CounterType.packets_and_bytes) port_rx;
    counter(DROP_REASONS, CounterType.packets_and_bytes) ingress_drops;

    IngressChecks() checks;
    IngressForward() forward;

    action send_packet_out() {
        meta.exit_as = Exit.AS_IS;
        std_meta.egress_spec = hdr.packet_out.egress_port;
        hdr.packet_out.setInvalid();
    }

    apply {
        port_rx.count((bit<32>)std_meta.ingress_port);
        meta.ingress_port = std_meta.ingress_port;
        // Drop by default: a frame for which egress_spec is never written would leave by
        // port 0.
        mark_to_drop(std_meta);

        if (hdr.packet_out.isValid()) {
            send_packet_out();
        } else {
            checks.apply(hdr, meta, std_meta);
            if (meta.drop_reason == DropReason.NONE && meta.punt_reason == PuntReason.NONE) {
                forward.apply(hdr, meta, std_meta);
            }
        }

        // The one place where ingress drops. It comes last, because whatever is written to
        // egress_spec or mcast_grp later would bring the frame back.
        if (meta.drop_reason != DropReason.NONE) {
            ingress_drops.count((bit<32>)(bit<8>)meta.drop_reason);
            mark_to_drop(std_meta);
        }
    }
}

control FalconEgress(inout headers_t hdr,
                     inout metadata_t meta,
                     inout standard_metadata_t std_meta) {
    counter(PORTS, CounterType.packets_and_bytes) port_tx;
    counter(DROP_REASONS, CounterType.packets_and_bytes) egress_drops;

    EgressReplica() replicas;
    EgressTunnel() tunnel;
    EgressLink() link;

    action send_packet_in() {
        hdr.packet_in.setValid();
        hdr.packet_in.ingress_port = meta.ingress_port;
        hdr.packet_in.reason = meta.punt_reason;
    }

    apply {
        if (std_meta.egress_port == CPU_PORT) {
            send_packet_in();
        } else if (meta.exit_as != Exit.AS_IS) {
            if (meta.exit_as == Exit.FLOOD) {
                replicas.apply(hdr, meta, std_meta);
            }
            if (meta.drop_reason == DropReason.NONE) {
                tunnel.apply(hdr, meta, std_meta);
            }
            if (meta.drop_reason == DropReason.NONE) {
                link.apply(hdr, meta, std_meta);
            }
        }

        if (meta.drop_reason != DropReason.NONE) {
            egress_drops.count((bit<32>)(bit<8>)meta.drop_reason);
            mark_to_drop(std_meta);
        } else {
            port_tx.count((bit<32>)std_meta.egress_port);
        }
    }
}

V1Switch(FalconParser(),
         FalconVerifyChecksum(),
         FalconIngress(),
         FalconEgress(),
         FalconComputeChecksum(),
         FalconDeparser()) main;
