import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Environment } from './environment.ts'
import { DYN_SHAPE, fromJson } from './json.ts'
import { Meter } from './meter.ts'
import { compile } from './program.ts'
import { BOOL, DYN, INT, list, object, STRING, type Type } from './types.ts'

const spec = object(
  'object',
  new Map<string, Type>([
    ['replicas', INT],
    ['names', list(STRING)],
    ['open', DYN],
  ]),
)
const env = new Environment({ self: object('object', new Map([['spec', spec]])), any: DYN })
const values: Readonly<Record<string, unknown>> = {
  self: { spec: { replicas: 3, names: ['a', 'b'], open: { deep: [1, 2.5, 'x'] } } },
  any: { list: [3, 1, 2], map: { a: 1, b: 2 }, nothing: null, huge: 1e300 },
}

function run(source: string, limit = 1_000_000): string {
  const compiled = compile(source, env, [DYN])
  if ('problem' in compiled) return compiled.problem
  const outcome = compiled.program.evaluate((name) => DYN_SHAPE.read(values[name]), new Meter(limit))
  return 'error' in outcome ? `error: ${outcome.error}` : `${outcome.value as boolean}`
}

describe('expressions that hold', () => {
  for (const source of [
    '1 + 2 * 3 == 7 && 7 / 2 == 3 && -7 % 3 == -1 && 2u + 3u == 5u && 0xff == 255 && 1.5e1 == 15.0',
    '-9223372036854775808 < 0 && 1 < 1.5 && 2u > 1 && dyn(1) == 1.0 && [1, 2] == [1, 2] && {"a": 1} == {"a": 1}',
    '"a\\u00e9\\x41\\n" == "aéA" + \'\\n\' && r"\\d" == "\\\\d" && b"ab" + b"c" == b"abc"',
    '"""a\nb""".contains("\\n") // comment',
    'self.spec.replicas > 2 && self.spec.names.all(n, n.size() == 1) && self.spec.names.exists_one(n, n == "b")',
    '(self.spec.names.exists(n, n == "x") || true) && !(false && 1 / 0 > 0) && (1 / 0 > 0 || true)',
    'self.spec.names.map(n, n + "!") == ["a!", "b!"] && self.spec.names.map(n, n == "a", n) == ["a"] && any.map.map(k, any.map[k]).sum() == 3',
    'self.spec.names.filter(n, n != "a") == ["b"] && any.map.exists(k, k == "b") && any.map.all(k, v, v > 0) && "a" in any.map',
    'any.list.transformList(i, v, v * i) == [0, 1, 4] && any.list.transformMap(i, v, v > 1, v) == {0: 3, 2: 2}',
    'any.map.transformMapEntry(k, v, {v: k}) == {1: "a", 2: "b"} && any.list.exists(i, v, i == 1 && v == 1)',
    'has(self.spec.open) && has(any.map.a) && !has(any.map.z) && any.nothing == null',
    'any.?map.?z.orValue(5) == 5 && any.?map.?a.hasValue() && any[?"q"].or(optional.of(1)).value() == 1 && any.list[?7].orValue(9) == 9',
    'optional.of(2).optMap(x, x * 2).value() == 4 && [?optional.none(), ?optional.of(1)] == [1] && {?"a": any.?zz} == {}',
    'optional.ofNonZeroValue("").hasValue() == false && [1, 2].first().value() == 1 && [].last() == optional.none()',
    'type(1) == int && type("") == string && type(timestamp(0)) == google.protobuf.Timestamp && type([]) == list',
    'timestamp("2024-02-03T04:05:06.007Z").getMonth() == 1 && timestamp("2024-02-03T04:05:06Z").getHours("+02:00") == 6',
    'timestamp("2024-07-01T00:00:00Z").getHours("Europe/Berlin") == 2 && timestamp("2024-01-01T00:00:00Z") + duration("90m") > timestamp("2024-01-01T01:00:00Z")',
    'string(duration("1h1.5s")) == "3601.5s" && duration("1m").getSeconds() == 60 && string(timestamp("2024-01-01T00:00:00.120Z")) == "2024-01-01T00:00:00.12Z"',
    'int("42") == 42 && double("1e3") == 1000.0 && uint(7) == 7u && bool("true") && string(1.5) == "1.5" && string(b"hi") == "hi"',
    '"hello".indexOf("l") == 2 && "hello".lastIndexOf("l") == 3 && "héllo".charAt(1) == "é" && "a,b,c".split(",", 2) == ["a", "b,c"]',
    '"abc".substring(1, 2) == "b" && " x ".trim() == "x" && "aXbX".replace("X", "-", 1) == "a-bX" && ["a", "b"].join("-") == "a-b"',
    '"%s is %d or %.2f, %x, %s".format(["x", 10, 2.346, 255, [1, "a"]]) == "x is 10 or 2.35, ff, [1, a]"',
    '"k8s-1".matches("^[a-z0-9-]+$") && "a1b22".findAll("[0-9]+") == ["1", "22"] && "abc".find("b.") == "bc"',
    '[1, 2, 2].isSorted() && [3, 1].min() == 1 && [3.0, 1.0].max() == 3.0 && [1, 2].sum() == 3 && [1, 2, 1].lastIndexOf(1) == 2',
    'sets.contains([1, 2], [2]) && sets.equivalent([1, 2, 2], [2, 1]) && !sets.intersects([1], [2])',
    'url("https://u@ex.com:80/p/a?q=1&q=2").getQuery()["q"] == ["1", "2"] && url("https://[::1]:8/").getHostname() == "::1" && !isURL("a b") && isURL("/x")',
    'quantity("1Gi").isGreaterThan(quantity("1G")) && quantity("500m").add(quantity("1500m")).asInteger() == 2 && quantity("1k") == quantity("1000") && !isQuantity("1x")',
    'ip("10.0.0.1").family() == 4 && ip("::1").isLoopback() && ip.isCanonical("2001:db8::1") && !isIP("1.2.3") && cidr("10.0.0.0/8").containsIP("10.1.2.3")',
    'cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16") && cidr("10.1.2.3/24").masked() == cidr("10.1.2.0/24") && cidr("::/0").prefixLength() == 0',
    'semver("1.2.3-rc.1").isLessThan(semver("1.2.3")) && semver("v1.2", true).minor() == 2 && !isSemver("01.2.3")',
    '!format.dns1123Label().validate("ok").hasValue() && format.named("uuid").value().validate("x").hasValue()',
    '{"a": 1}["a"] == 1 && dyn({1: "x"})[1u] == "x" && dyn([1, 2])[1.0] == 2',
    'any.list.all(x, any.list.all(y, x * y > 0)) && [[1], [2, 3]].exists(l, l.exists(x, x == 3))',
    'true ? !false : 1 / 0 == 1',
    'optional.none() != null && any.nothing == null && !(duration("1s") == null)',
  ])
    it(source, () => {
      assert.equal(run(source), 'true')
    })
})

describe('problems found ahead of time', () => {
  for (const [source, want] of [
    ['self.spec.nope == 1', "ERROR: <input>:1:10: undefined field 'nope'\n | self.spec.nope == 1\n | .........^"],
    ['missing', "undeclared reference to 'missing' (in container '')"],
    ['self.spec.replicas == "3"', "found no matching overload for '_==_' applied to '(int, string)'"],
    ['self.spec.replicas.startsWith("a")', "found no matching overload for 'startsWith' applied to 'int.(string)'"],
    ['nothing(1)', "undeclared reference to 'nothing' (in container '')"],
    ['1 +', "Syntax error: mismatched input '<EOF>'"],
    ['[1, "a"]', "expected type 'int' but found 'string'"],
    ['self.spec.names.all(n, n)', "expected type 'bool' but found 'string'"],
    ['self.spec.replicas.all(n, true)', 'cannot be range of a comprehension'],
    ['has(self)', 'invalid argument to has() macro'],
    ['true ? 1 : "a"', "found no matching overload for '_?_:_' applied to '(bool, int, string)'"],
    ['"open', 'token recognition error'],
    ['for', 'reserved identifier: for'],
    ['9223372036854775808', 'invalid int literal'],
    [`${'('.repeat(1000)}1${')'.repeat(1000)}`, 'expression recursion limit exceeded'],
    [`${'-'.repeat(5000)}x`, 'expression recursion limit exceeded'],
  ] as const)
    it(source.slice(0, 60), () => {
      assert.ok(run(source).includes(want), run(source))
    })

  it('wants the type that its place needs', () => {
    assert.deepEqual(compile('1', env, [BOOL]), { problem: 'must evaluate to bool' })
  })
})

describe('failures of evaluation', () => {
  for (const [source, want] of [
    ['1 / 0 == 0', 'error: division by zero'],
    ['9223372036854775807 + 1 > 0', 'error: integer overflow'],
    ['any.nope == 1', 'error: no such key: nope'],
    ['any.list[9] == 1', 'error: index out of bounds: 9'],
    ['any.list.all(x, 1 / 0 > x)', 'error: division by zero'],
    ['any.list + 1 == 1', 'error: no such overload: _+_(list, int)'],
    [
      'quantity("x") == quantity("1")',
      "error: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    ['any.constructor == 1', 'error: no such key: constructor'],
  ] as const)
    it(source, () => {
      assert.equal(run(source), want)
    })

  it('ends an expression that costs too much, which nothing in it can hide', () => {
    const many = `[${Array.from({ length: 100 }, (_, i) => i).join()}]`
    const source = `${many}.all(a, ${many}.all(b, ${many}.all(c, a + b + c >= 0))) || true`
    assert.equal(run(source, 100_000), 'error: operation cancelled: actual cost limit exceeded')
  })

  for (const [what, source] of [
    ['looking for long parts in long texts', 'big.contains(part) || big.indexOf(part) > 0'],
    ['replacing by much', 'big.replace("", big).size() > 0'],
    ['joining what grows', '[1, 2, 3, 4].map(i, [1, 2, 3, 4].map(j, [big, big, big, big, big, big].join(big))).size() > 0'],
    ['writing what grows', '"%s%s".format(["%s%s%s".format([big, big, big]), "%s%s%s".format([big, big, big])]).size() > 0'],
  ] as const)
    it(`ends ${what}`, () => {
      const strings = new Environment({ big: STRING, part: STRING })
      const compiled = compile(source, strings, [BOOL])
      assert.ok('program' in compiled)
      const big = 'a'.repeat(1_000_000)
      const outcome = compiled.program.evaluate((name) => (name === 'big' ? big : `${big.slice(0, 500_000)}b`), new Meter(1_000_000))
      assert.deepEqual(outcome, { error: 'operation cancelled: actual cost limit exceeded', exceeded: true })
    })

  for (const [source, want] of [
    ['"%.500f".format([1.5])', 'error: error during formatting: precision 500 is too large'],
    ['string(timestamp(9223372036854775807))', 'error: timestamp overflow'],
    ['any.huge + 1 > 0', 'error: no such overload: _+_(double, int)'],
  ] as const)
    it(source, () => {
      assert.equal(run(source), want)
    })

  it('takes regular expressions in linear time', () => {
    assert.equal(run(`"${'a'.repeat(2000)}!".matches("^(a+)+$")`), 'false')
  })
})

describe('values from JSON', () => {
  it('tells whole numbers from others and leaves inherited names out', () => {
    const program = compile('x.a == 1 && x.b == 1.5 && !has(x.toString) && x.c[0]', new Environment({ x: DYN }), [BOOL])
    assert.ok('program' in program)
    assert.deepEqual(
      program.program.evaluate(() => fromJson({ a: 1, b: 1.5, c: [true] }), new Meter(100)),
      { value: true },
    )
  })
})

describe('what expressions may cost', () => {
  const big = 'a'.repeat(20_000)
  const subject: Readonly<Record<string, unknown>> = {
    many: Array.from({ length: 3_000 }, (_, index) => `item-${index}`),
    long: Array.from({ length: 10 }, (_, index) => `${big}${index}`),
    text: big,
    query: `https://a/?${'a=1&'.repeat(5_000)}`,
    tags: `1.0.0-${'a.'.repeat(10_000)}a`,
    keys: Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`k${index}`, 1])),
  }
  const spent = (source: string): { readonly units: number; readonly isOver: boolean } => {
    const compiled = compile(source, new Environment({ self: DYN }), [DYN])
    assert.ok('program' in compiled, JSON.stringify(compiled))
    const meter = new Meter(1_000_000)
    const outcome = compiled.program.evaluate(() => fromJson(subject), meter)
    return { units: meter.spent, isOver: 'error' in outcome && outcome.exceeded }
  }

  for (const { title, source, atLeast } of [
    { title: 'the number of keys', source: 'self.keys.size() > 0', atLeast: 2_000 },
    { title: 'the first key', source: 'self.keys.exists(k, true)', atLeast: 2_000 },
    { title: 'maps of other sizes', source: 'self.keys == {}', atLeast: 2_000 },
    { title: 'the least of long strings', source: 'self.long.min() != ""', atLeast: 10_000 },
    { title: 'finding many places', source: 'self.text.findAll("a").size() > 0', atLeast: 100_000 },
    { title: 'large programs of small patterns', source: '"x".matches("(?:(?:a?){1,30}){1,30}b")', atLeast: 20_000 },
    { title: 'wall clocks', source: '[1].all(x, timestamp(0).getHours("Asia/Tokyo") == 9)', atLeast: 50 },
    { title: 'parts of long URLs', source: '[url(self.query)].all(u, u.getQuery().size() > 0)', atLeast: 4_000 },
    { title: 'versions with many tags', source: '[semver(self.tags)].all(s, !s.isLessThan(s))', atLeast: 6_000 },
  ])
    it(`counts ${title}`, () => {
      const { units, isOver } = spent(source)
      assert.equal(isOver, false)
      assert.ok(units >= atLeast, `${units} units`)
    })

  for (const { title, source } of [
    { title: 'values that share parts, written down', source: `"%s".format([[[1]]${'.map(x, [x, x])'.repeat(40)}]) == ""` },
    { title: 'values that share parts, compared', source: `[[[1]]${'.map(x, [x, x])'.repeat(40)}].all(x, x == x)` },
    { title: 'replacements that grow', source: 'self.text.replace("", self.text) == ""' },
    { title: 'patterns of many steps', source: 'self.many.all(x, !x.matches("(" + self.long[0] + x + "){1,100}"))' },
  ])
    it(`ends ${title}`, () => {
      assert.equal(spent(source).isOver, true)
    })

  it('replaces nothing between code points, not within them', () => {
    assert.equal(run('"a😀b".replace("", "-") == "-a-😀-b-" && "abc".replace("", "x", 2) == "xaxbc"'), 'true')
    assert.equal(run('"😀" > "\\uffee" && "ab" < "abc" && !("b" < "ab")'), 'true')
  })
})
