/** CNI configuration list for one bridge with addresses from the node's pod network. Source: CNI specification 1.0, bridge and host-local plugins. */
export interface NetworkOptions {
  readonly podCidr: string
  readonly bridge: string
  readonly mtu: number
  /** Where host-local keeps its leases. */
  readonly leaseDir: string
}

/** The network list for CNI: bridge, host-local addresses, bandwidth limits. */
export function buildNetwork({ podCidr, bridge, mtu, leaseDir }: NetworkOptions): string {
  const list = {
    cniVersion: '0.4.0',
    name: 'cbr0',
    plugins: [
      {
        type: 'bridge',
        bridge,
        mtu,
        isDefaultGateway: true,
        // A pod that reaches itself through a service comes back on the port it left by.
        hairpinMode: true,
        // Masquerading is one rule of the service proxy, not one chain a pod.
        ipMasq: false,
        forceAddress: true,
        ipam: { type: 'host-local', ranges: [[{ subnet: podCidr }]], dataDir: leaseDir },
      },
      { type: 'bandwidth', capabilities: { bandwidth: true } },
    ],
  }
  return `${JSON.stringify(list, null, 2)}\n`
}
