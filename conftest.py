"""The entry point for pytest: which plugin and which phrases there are."""

pytest_plugins = [
    "smartlaunch.plugin.hooks",
    "smartlaunch._suite.steps.common",
    "smartlaunch._suite.steps.discovery",
    "smartlaunch._suite.steps.launch",
    "smartlaunch._suite.steps.authorization",
    "smartlaunch._suite.steps.token",
    "smartlaunch._suite.steps.client_authentication",
    "smartlaunch._suite.steps.backend_services",
    "smartlaunch._suite.steps.token_response",
    "smartlaunch._suite.steps.launch_context",
    "smartlaunch._suite.steps.scopes",
    "smartlaunch._suite.steps.id_token",
    "smartlaunch._suite.steps.fhir_access",
    "smartlaunch._suite.steps.brands",
    "smartlaunch._suite.steps.refresh",
    "smartlaunch._suite.steps.introspection",
    "smartlaunch._suite.steps.revocation",
    "smartlaunch._suite.steps.cors",
    "smartlaunch._suite.steps.tls",
    "smartlaunch._suite.steps.support_tickets",
]
