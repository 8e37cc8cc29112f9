import { BYTES, FIXED64, ReverseWriter, VARINT } from '../../../api/protobuf/writer.ts'

/**
 * The protobuf form of a Swagger 2.0 document, the only one in which kubectl asks for it (to check files that hold a List).
 * Field numbers: gnostic, OpenAPIv2.proto.
 */
export function encodeOpenApiV2(document: Json): Uint8Array {
  const writer = new ReverseWriter(1 << 20)
  writeMessage(writer, 'Document', document)
  return writer.finish()
}

type Json = Readonly<Record<string, unknown>>

/**
 * JSON key -> number and type. `any` is YAML text, `[X` a list, `<Name` a shape of its own that `WRAPPED` makes, and a
 * capital letter begins a message. `x-` is where the keys that begin so go.
 */
type Fields = Readonly<Record<string, readonly [num: number, type: string]>>

const LIMITS = (first: number): Fields => ({
  maximum: [first, 'double'],
  exclusiveMaximum: [first + 1, 'bool'],
  minimum: [first + 2, 'double'],
  exclusiveMinimum: [first + 3, 'bool'],
  maxLength: [first + 4, 'int'],
  minLength: [first + 5, 'int'],
  pattern: [first + 6, 'string'],
  maxItems: [first + 7, 'int'],
  minItems: [first + 8, 'int'],
  uniqueItems: [first + 9, 'bool'],
  enum: [first + 10, '[any'],
  multipleOf: [first + 11, 'double'],
})

const MESSAGES: Readonly<Record<string, Fields>> = {
  Document: {
    swagger: [1, 'string'],
    info: [2, 'Info'],
    host: [3, 'string'],
    basePath: [4, 'string'],
    schemes: [5, '[string'],
    consumes: [6, '[string'],
    produces: [7, '[string'],
    paths: [8, '<Paths'],
    definitions: [9, '<NamedSchemas'],
    security: [12, '[<SecurityRequirement'],
    securityDefinitions: [13, '<SecurityDefinitions'],
    'x-': [16, ''],
  },
  Info: { title: [1, 'string'], version: [2, 'string'], description: [3, 'string'], 'x-': [7, ''] },
  PathItem: {
    get: [2, 'Operation'],
    put: [3, 'Operation'],
    post: [4, 'Operation'],
    delete: [5, 'Operation'],
    options: [6, 'Operation'],
    head: [7, 'Operation'],
    patch: [8, 'Operation'],
    parameters: [9, '[<Parameter'],
    'x-': [10, ''],
  },
  Operation: {
    tags: [1, '[string'],
    summary: [2, 'string'],
    description: [3, 'string'],
    operationId: [5, 'string'],
    produces: [6, '[string'],
    consumes: [7, '[string'],
    parameters: [8, '[<Parameter'],
    responses: [9, '<Responses'],
    schemes: [10, '[string'],
    deprecated: [11, 'bool'],
    'x-': [13, ''],
  },
  BodyParameter: {
    description: [1, 'string'],
    name: [2, 'string'],
    in: [3, 'string'],
    required: [4, 'bool'],
    schema: [5, 'Schema'],
    'x-': [6, ''],
  },
  HeaderParameter: parameterFields(false),
  PathParameter: parameterFields(false),
  QueryParameter: parameterFields(true),
  Response: { description: [1, 'string'], schema: [2, '<SchemaItem'], 'x-': [5, ''] },
  ApiKeySecurity: { type: [1, 'string'], name: [2, 'string'], in: [3, 'string'], description: [4, 'string'], 'x-': [5, ''] },
  Schema: {
    $ref: [1, 'string'],
    format: [2, 'string'],
    title: [3, 'string'],
    description: [4, 'string'],
    default: [5, 'any'],
    multipleOf: [6, 'double'],
    maximum: [7, 'double'],
    exclusiveMaximum: [8, 'bool'],
    minimum: [9, 'double'],
    exclusiveMinimum: [10, 'bool'],
    maxLength: [11, 'int'],
    minLength: [12, 'int'],
    pattern: [13, 'string'],
    maxItems: [14, 'int'],
    minItems: [15, 'int'],
    uniqueItems: [16, 'bool'],
    maxProperties: [17, 'int'],
    minProperties: [18, 'int'],
    required: [19, '[string'],
    enum: [20, '[any'],
    additionalProperties: [21, '<AdditionalProperties'],
    type: [22, '<TypeItem'],
    items: [23, '<ItemsItem'],
    allOf: [24, '[Schema'],
    properties: [25, '<NamedSchemas'],
    readOnly: [27, 'bool'],
    example: [30, 'any'],
    'x-': [31, ''],
  },
}

/** Query parameters have one field more in their middle than those of paths and headers. */
function parameterFields(isQuery: boolean): Fields {
  const shift = isQuery ? 1 : 0
  return {
    required: [1, 'bool'],
    in: [2, 'string'],
    description: [3, 'string'],
    name: [4, 'string'],
    ...(isQuery && { allowEmptyValue: [5, 'bool'] as const }),
    type: [5 + shift, 'string'],
    format: [6 + shift, 'string'],
    default: [9 + shift, 'any'],
    ...LIMITS(10 + shift),
    'x-': [22 + shift, ''],
  }
}

type Write = (writer: ReverseWriter, value: unknown) => void

/** Content of messages whose shape differs from the JSON. */
const WRAPPED: Readonly<Record<string, Write>> = {
  Paths: (writer, value) => named(writer, 2, value, (item) => writeMessage(writer, 'PathItem', item as Json)),
  NamedSchemas: (writer, value) => named(writer, 1, value, (schema) => writeMessage(writer, 'Schema', schema as Json)),
  Responses: (writer, value) =>
    named(writer, 1, value, (response) => nested(writer, 1, () => writeMessage(writer, 'Response', response as Json))),
  SecurityDefinitions: (writer, value) =>
    named(writer, 1, value, (item) => nested(writer, 2, () => writeMessage(writer, 'ApiKeySecurity', item as Json))),
  SecurityRequirement: (writer, value) => named(writer, 1, value, (scopes) => strings(writer, 1, scopes as readonly string[])),
  Parameter: (writer, value) => nested(writer, 1, () => writeParameter(writer, value as Json)),
  SchemaItem: (writer, value) => nested(writer, 1, () => writeMessage(writer, 'Schema', value as Json)),
  ItemsItem: (writer, value) => nested(writer, 1, () => writeMessage(writer, 'Schema', value as Json)),
  TypeItem: (writer, value) => strings(writer, 1, [String(value)]),
  AdditionalProperties: (writer, value) => {
    if (typeof value === 'boolean') writeScalar(writer, 2, 'bool', value)
    else nested(writer, 1, () => writeMessage(writer, 'Schema', value as Json))
  },
}

const NON_BODY: Readonly<Record<string, readonly [num: number, message: string]>> = {
  header: [1, 'HeaderParameter'],
  query: [3, 'QueryParameter'],
  path: [4, 'PathParameter'],
}

function writeParameter(writer: ReverseWriter, parameter: Json): void {
  const kind = NON_BODY[String(parameter['in'])]
  if (kind === undefined) nested(writer, 1, () => writeMessage(writer, 'BodyParameter', parameter))
  else nested(writer, 2, () => nested(writer, kind[0], () => writeMessage(writer, kind[1], parameter)))
}

/** Fields last to first, as the writer goes; their order means nothing to who reads them. */
function writeMessage(writer: ReverseWriter, message: string, value: Json): void {
  const fields = MESSAGES[message] ?? {}
  for (const [key, item] of Object.entries(value).toReversed()) {
    const field = fields[key]
    if (field !== undefined) writeField(writer, field, item)
    else if (key.startsWith('x-')) writeExtension(writer, fields['x-']?.[0] ?? 0, key, item)
  }
}

function writeField(writer: ReverseWriter, [num, type]: readonly [num: number, type: string], value: unknown): void {
  if (!type.startsWith('[')) writeOne(writer, num, type, value)
  else for (const item of (value as readonly unknown[]).toReversed()) writeOne(writer, num, type.slice(1), item)
}

function writeOne(writer: ReverseWriter, num: number, type: string, value: unknown): void {
  if (type.startsWith('<')) nested(writer, num, () => WRAPPED[type.slice(1)]?.(writer, value))
  else if (type === 'any') nested(writer, num, () => writeAny(writer, value))
  else if (MESSAGES[type] !== undefined) nested(writer, num, () => writeMessage(writer, type, value as Json))
  else writeScalar(writer, num, type, value)
}

function writeScalar(writer: ReverseWriter, num: number, type: string, value: unknown): void {
  switch (type) {
    case 'bool':
      writer.varint(value === true ? 1 : 0)
      writer.tag(num, VARINT)
      return
    case 'int':
      writer.int(Number(value))
      writer.tag(num, VARINT)
      return
    case 'double':
      writer.double(Number(value))
      writer.tag(num, FIXED64)
      return
    default:
      writer.string(String(value))
      writer.tag(num, BYTES)
  }
}

/** Any: field 2 is YAML, of which JSON is a part. */
function writeAny(writer: ReverseWriter, value: unknown): void {
  writer.string(JSON.stringify(value))
  writer.tag(2, BYTES)
}

function writeExtension(writer: ReverseWriter, num: number, name: string, value: unknown): void {
  nested(writer, num, () => {
    nested(writer, 2, () => writeAny(writer, value))
    writeScalar(writer, 1, 'string', name)
  })
}

/** A map as a list of names and values. */
function named(writer: ReverseWriter, num: number, map: unknown, content: (value: unknown) => void): void {
  for (const [name, value] of Object.entries(map as Json).toReversed()) {
    nested(writer, num, () => {
      nested(writer, 2, () => content(value))
      writeScalar(writer, 1, 'string', name)
    })
  }
}

function strings(writer: ReverseWriter, num: number, values: readonly string[]): void {
  for (const value of values.toReversed()) writeScalar(writer, num, 'string', value)
}

function nested(writer: ReverseWriter, num: number, content: () => void): void {
  const start = writer.length
  content()
  writer.varint(writer.length - start)
  writer.tag(num, BYTES)
}
