const ours = '^(core|controllers|addons)/'
const only = (name, from, to) => ({ name, severity: 'error', from: { path: from }, to: { path: ours, pathNot: to } })
const never = (name, from, to, extra = {}) => ({ name, severity: 'error', from, to: { path: to, ...extra } })
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('meta-is-pure', '^core/meta/', '^core/meta/'),
    only('api-is-types', '^core/api/', '^core/(meta|api)/'),
    only('runtime-is-generic', '^core/runtime/', '^core/(meta|runtime|observability)/'),
    only('observability-is-a-leaf', '^core/observability/', '^core/observability/'),
    only('store-knows-no-kubernetes', '^core/store/', '^core/(store|runtime|observability)/'),
    only('addons-are-data', '^addons/', '^(addons/|core/(meta|api|config|client|pki|runtime|observability)/)'),
    never('backends-apart', { path: '^core/store/(sqlite|postgres|mysql|etcd)/' }, '^core/store/(sqlite|postgres|mysql|etcd)/', {
      pathNot: '^core/store/$1/',
    }),
    never('clients-use-the-api', { path: '^(core/(scheduler|agent)|controllers)/' }, '^core/(apiserver|store)/'),
    never('scheduler-and-agent-apart', { path: '^core/(scheduler|agent)/' }, '^core/(scheduler|agent)/', { pathNot: '^core/$1/' }),
    never('apiserver-knows-no-client', { path: '^core/apiserver/' }, '^(core/(scheduler|agent)|controllers|addons)/'),
    never('controllers-apart', { path: '^controllers/(?!runtime/)([^/]+)/' }, '^controllers/(?!runtime/)([^/]+)/', {
      pathNot: '^controllers/$1/',
    }),
    never('only-cli-composes', { pathNot: '^(core/cli|tests|scripts)/' }, '^core/cli/'),
    never('cri-only-in-agent', { pathNot: '^(core/agent|tests)/' }, '^core/agent/cri/'),
    never('drivers-only-in-store', { pathNot: '^(core/store|tests)/' }, 'node_modules/(better-sqlite3|pg|mysql2)(/|$)'),
    never('tests-are-leaves', { pathNot: '(^tests/|\\.test\\.ts$)' }, '(^tests/|\\.test\\.ts$)'),
  ],
  options: { doNotFollow: { path: 'node_modules' }, tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' } },
}
