# What the check applies. Variables change from step to step.

terraform {
  required_providers {
    zitadel = { source = "zitadel/zitadel" }
  }
}

variable "port" { type = string }
variable "token" {
  type      = string
  sensitive = true
}
variable "public_key" { type = string }
variable "timeout" { default = "10s" }
variable "rotated" { default = null }
variable "is_active" { default = true }
variable "methods" {
  type    = set(string)
  default = []
}

provider "zitadel" {
  domain       = "127.0.0.1"
  port         = var.port
  insecure     = true
  access_token = var.token
}

resource "zitadel_action_target" "webhook" {
  name                   = "webhook"
  endpoint               = "https://example.com/webhook"
  target_type            = "REST_WEBHOOK"
  timeout                = var.timeout
  interrupt_on_error     = true
  expiration_signing_key = var.rotated
}

resource "zitadel_action_target" "call" {
  name               = "call"
  endpoint           = "https://example.com/call"
  target_type        = "REST_CALL"
  timeout            = "1500ms"
  interrupt_on_error = false
  payload_type       = "PAYLOAD_TYPE_JWE"
}

resource "zitadel_action_target" "async" {
  name               = "async"
  endpoint           = "https://example.com/async"
  target_type        = "REST_ASYNC"
  timeout            = "4m30s"
  interrupt_on_error = false
  payload_type       = "PAYLOAD_TYPE_JWT"
}

resource "zitadel_action_target_public_key" "call" {
  target_id       = zitadel_action_target.call.id
  public_key      = var.public_key
  active          = var.is_active
  expiration_date = "2099-01-02T03:04:05Z"
}

# The target of these is waited for by nobody: they also run around the calls of the check itself.
locals {
  targets = [zitadel_action_target.async.id]
  both    = [zitadel_action_target.webhook.id, zitadel_action_target.async.id]
}

resource "zitadel_action_execution_request" "all" {
  all        = true
  target_ids = local.targets
}

resource "zitadel_action_execution_request" "service" {
  service    = "many.v1.Many"
  target_ids = local.both
}

resource "zitadel_action_execution_request" "method" {
  for_each   = var.methods
  method     = each.key
  target_ids = local.targets
}

resource "zitadel_action_execution_response" "all" {
  all        = true
  target_ids = local.targets
}

resource "zitadel_action_execution_response" "method" {
  method     = "/many.v1.Many/M0"
  target_ids = reverse(local.both)
}

resource "zitadel_action_execution_response" "service" {
  service    = "zitadel.user.v2.UserService"
  target_ids = local.targets
}

resource "zitadel_action_execution_event" "event" {
  event      = "user.human.added"
  target_ids = local.targets
}

resource "zitadel_action_execution_event" "group" {
  group      = "target"
  target_ids = local.targets
}

resource "zitadel_action_execution_event" "all" {
  all        = true
  target_ids = local.targets
}

resource "zitadel_action_execution_function" "function" {
  name       = "preaccesstoken"
  target_ids = local.both
}
