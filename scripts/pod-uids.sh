# Sourced by killall and uninstall.

# The pods of the data folder $1, a line each: what containerd's database names tells them from those of another kubelet.
pod_uids() {
  grep -aohE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' "$1/agent/containerd/io.containerd.metadata.v1.bolt/meta.db" 2>/dev/null | sort -u
}
