#include "providers/rabbitmq/resolve.h"

#include <algorithm>

#include "providers/rabbitmq/requests.h"
#include "reconciler/url.h"

namespace fairlead::rabbitmq {

Result<void> resolve_app(const Keys& keys, const ResolveInput& input, Graph& graph) {
  const App& app = *input.app;
  const Platform::Service& service = input.platform->messagebus;
  if (!app.needs.messagebus) return {};
  auto spec = std::make_shared<AccountSpec>();
  spec->account = {app.name, app.needs.messagebus->rotation};
  const AccountNeed& need = *app.needs.messagebus;
  const Tenant* tenant = tenant_of(input.platform->tenants, app.document->start.file);
  if (tenant && tenant->connections) {
    spec->connections_max = std::min(spec->connections_max, *tenant->connections);
  }
  spec->connections_max = need.connections_max.value_or(spec->connections_max);
  spec->queues_max = need.queues_max.value_or(spec->queues_max);
  spec->queue_size = need.queue_size.value_or(spec->queue_size);
  spec->where = app.where("needs");
  if (!parse_account(spec->account.user())) {
    return Error{Code::invalid,
                 "RabbitMQ can have no user " + app.name +
                     ", its API uses this word otherwise: give the app another name",
                 app.where("name")};
  }
  const std::string host = service.external ? service.host : managed_app;
  const std::string port = std::to_string(service.port);
  const std::string user = spec->account.user();
  const std::string password = password_of(keys, spec->account).reveal();
  const bool tls = service.external && service.tls;
  const std::string url = (tls ? "amqps://" : "amqp://") + percent_encode(user) + ":" +
                          percent_encode(password) + "@" + host_in_url(host) + ":" + port + "/" +
                          percent_encode(app.name);
  graph.env["RABBITMQ_URL"] = url;
  graph.env["AMQP_URL"] = url;
  graph.env["RABBITMQ_HOST"] = host;
  graph.env["RABBITMQ_PORT"] = port;
  graph.env["RABBITMQ_USER"] = user;
  graph.env["RABBITMQ_PASSWORD"] = password;
  graph.env["RABBITMQ_VHOST"] = app.name;
  if (!service.external) graph.services[managed_app] = true;
  Resource resource;
  resource.kind = "vhost";
  resource.name = app.name;
  resource.spec = std::move(spec);
  graph.resources.push_back(std::move(resource));
  return {};
}

}  // namespace fairlead::rabbitmq
