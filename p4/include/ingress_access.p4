// Ingress on an access port: which tenant does this frame belong to?

control IngressAccess(inout headers_t hdr,
                      inout metadata_t meta,
                      inout standard_metadata_t std_meta) {
    // vtep: the source of the tunnels, the address of the machine on this port.
    // vxlan_port: the UDP port of the tenant's VXLAN flavour.
    action set_tenant(vni_t vni, ipv4_t vtep, bit<16> vxlan_port) {
        meta.vni = vni;
        meta.outer_src = vtep;
        meta.outer_dport = vxlan_port;
        meta.learn_port = std_meta.ingress_port;
        // packet_length is what came over the wire; the tag does not cross the tunnel.
        meta.tenant_len = (bit<16>)std_meta.packet_length - VLAN_TAG_LEN;
    }

    table access_vni {
        key = {
            std_meta.ingress_port : exact @name("ingress_port");
            hdr.vlan.vid          : exact @name("vid");
        }
        actions = { set_tenant; @defaultonly drop_because(meta); }
        const default_action = drop_because(meta, DropReason.VLAN_UNKNOWN);
        size = 4096;
    }

    apply {
        if (hdr.vlan.isValid()) {
            access_vni.apply();
        } else {
            meta.drop_reason = DropReason.UNTAGGED;
        }
    }
}
