export { capabilitiesKind } from './capabilities-kind.ts';
export { CATALOGUE, KNOWN_VARIABLES } from './catalogue.ts';
export type { ConfigProblem } from './config-error.ts';
export { ConfigError } from './config-error.ts';
export { givenSettings } from './given-settings.ts';
export type { Group, GroupSpec, Rule, Settings, Values } from './group.ts';
export { builtGroup, group } from './group.ts';
export { adminSettings } from './groups/admin.ts';
export type { AnonymousPolicy } from './groups/auth.ts';
export { authSettings } from './groups/auth.ts';
export { commandLineSettings } from './groups/command-line.ts';
export { databaseSettings } from './groups/database.ts';
export { edgeSettings } from './groups/edge.ts';
export { gatewayLimits } from './groups/gateway.ts';
export type { ListenerSettings } from './groups/listener.ts';
export { adminListener, gatewayListener, persistenceListener, routerListener } from './groups/listener.ts';
export { namespacesSettings } from './groups/namespaces.ts';
export { otelSettings } from './groups/otel.ts';
export { persistenceSettings } from './groups/persistence.ts';
export { processSettings } from './groups/process.ts';
export { redisSettings } from './groups/redis.ts';
export { routingSettings } from './groups/routing.ts';
export { singleProcessSettings } from './groups/single-process.ts';
export { webhooksSettings } from './groups/webhooks.ts';
export type { JwtAlgorithm } from './jwt-keys.ts';
export { choice, decimal, flag, integer, json, listOf, text, url } from './kinds.ts';
export type { ConfigOf, EffectiveSetting, Groups, LoadedConfig, LoadOptions } from './load.ts';
export { loadConfig } from './load.ts';
export type { LogLevel, LogLevels } from './log-levels.ts';
export type { NamespaceResolver } from './namespace-resolver.ts';
export { createNamespaceResolver } from './namespace-resolver.ts';
export type {
  HistoryPolicy,
  NamespaceDefinition,
  NamespaceDefinitions,
  NamespacePolicy,
} from './namespaces.ts';
export { NAMESPACE_DEFAULTS, namespacePolicies } from './namespaces.ts';
export { cidr } from './network.ts';
export type { OriginMatcher } from './origins.ts';
export { createOriginMatcher } from './origins.ts';
export { type PemFile, pairFault } from './pem-files.ts';
export { type PostgresAddress, readPostgresAddress } from './postgres-url.ts';
export type { ReadFile, Source } from './read-setting.ts';
export { readText } from './read-setting.ts';
export { redactUrlPassword, secretFingerprint } from './redact.ts';
export type { ResponderDefinition, ResponderEndpoint } from './responders.ts';
export { responderEndpoints } from './responders.ts';
export { sampleSecretWarnings } from './sample-secrets.ts';
export type { Declaration, Environment, Kind, Parsed, Secrecy, Setting } from './setting.ts';
export { optional, required, withComputedDefault, withDefault } from './setting.ts';
export { type SettingsFingerprints, settingsFingerprints } from './settings-fingerprints.ts';
export { bytes, durationMs, formatBytes, formatDurationMs, parseBytes, parseDurationMs } from './units.ts';
export type { WebhookDefinition, WebhookEndpoint, WebhookEvent } from './webhooks.ts';
export { WEBHOOK_EVENTS, webhookEndpoints } from './webhooks.ts';
