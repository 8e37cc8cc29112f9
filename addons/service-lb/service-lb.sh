#!/bin/sh
# Sends what arrives at the pod's host port to a Service, in the pod's own network namespace.
# Environment: SRC_PORT, SRC_RANGES (may be empty: all), DEST_PROTO (TCP, UDP or SCTP), DEST_PORT, DEST_IPS.
# Lists are separated by commas or spaces. The sender's address is lost behind the masquerade, as with any node-level forward.
set -eu

fail() {
  echo "service-lb: $*" >&2
  exit 1
}

: "${SRC_PORT:?}" "${DEST_PROTO:?}" "${DEST_PORT:?}" "${DEST_IPS:?}"
protocol=$(echo "$DEST_PROTO" | tr '[:upper:]' '[:lower:]')
destinations=$(echo "$DEST_IPS" | tr ',' ' ')
ranges=$(echo "${SRC_RANGES:-}" | tr ',' ' ')
case " $ranges " in
  "  ") ranges="0.0.0.0/0 ::/0" ;;
  *" 0.0.0.0/0 "*) ranges="$ranges ::/0" ;;
esac

is_v6() {
  case "$1" in *:*) return 0 ;; *) return 1 ;; esac
}

# Tables are made by whichever kind the kernel has; a tool that cannot list its own is of no use here.
pick() {
  for tool in "$@"; do
    if command -v "$tool" >/dev/null 2>&1 && "$tool" -w 10 -t nat -S >/dev/null 2>&1; then
      echo "$tool"
      return 0
    fi
  done
  return 1
}

forwarding() {
  [ "$(cat "$1" 2>/dev/null)" = 1 ] && return 0
  (echo 1 >"$1") 2>/dev/null || fail "IP forwarding is off and cannot be turned on: $1"
}

# Repeating a rule that is there already would double it when the container restarts in a living pod.
rule() {
  tool=$1 table=$2 chain=$3
  shift 3
  "$tool" -w 10 -t "$table" -C "$chain" "$@" 2>/dev/null || "$tool" -w 10 -t "$table" -A "$chain" "$@"
}

rules() {
  tool=$1 target=$2 host=$3 source=$4
  for range in $ranges; do
    if is_v6 "$range"; then [ "$source" = v6 ] || continue; else [ "$source" = v4 ] || continue; fi
    rule "$tool" filter FORWARD -s "$range" -d "$target" -p "$protocol" --dport "$DEST_PORT" -j ACCEPT
  done
  rule "$tool" filter FORWARD -d "$target" -p "$protocol" --dport "$DEST_PORT" -j DROP
  rule "$tool" nat PREROUTING ! -s "$host" -p "$protocol" --dport "$SRC_PORT" -j DNAT --to-destination "$5:$DEST_PORT"
  rule "$tool" nat POSTROUTING -d "$target" -p "$protocol" --dport "$DEST_PORT" -j MASQUERADE
}

for destination in $destinations; do
  if is_v6 "$destination"; then
    tool=$(pick ip6tables ip6tables-nft ip6tables-legacy) || fail "no usable ip6tables"
    forwarding /proc/sys/net/ipv6/conf/all/forwarding
    rules "$tool" "$destination/128" "$destination/128" v6 "[$destination]"
  else
    tool=$(pick iptables iptables-nft iptables-legacy) || fail "no usable iptables"
    forwarding /proc/sys/net/ipv4/ip_forward
    rules "$tool" "$destination/32" "$destination/32" v4 "$destination"
  fi
done

# `wait` is interrupted by a trapped signal at once, a foreground sleep is not.
trap 'exit 0' TERM INT
echo "service-lb: $protocol port $SRC_PORT goes to $DEST_IPS port $DEST_PORT"
while :; do
  sleep 2147483647 &
  wait $!
done
