#include "reconciler/platform_edge.h"

#include "reconciler/expose.h"
#include "reconciler/grammar.h"

namespace fairlead {
namespace {

using namespace std::chrono_literals;

void read_words(std::vector<std::string>& words, const Field& field) {
  for (const Field& item : field.items()) item.text();
  take(words, field.words());
}

void read_acme(Platform::Edge::Acme& acme, const Field& field) {
  take(acme.email, field["email"].text());
  take(acme.directory, field["directory"].text());
  take(acme.ca_file, field["ca_file"].absolute_path());
  take(acme.dns, field["dns"].text());
  take(acme.dns_env_file, field["dns_env_file"].absolute_path());
  take(acme.orders_per_week, field["orders_per_week"].number());
  if (field["dns_env_file"].said() && acme.dns.empty()) {
    field["dns_env_file"].refuse("is for the plugin that `dns` names, which is not said");
  }
}

void check_ports(const Platform::Edge& edge, const Field& field) {
  if (edge.http_port == edge.https_port) {
    field["https_port"].refuse("is the http_port, too: each needs its own");
  }
  const bool shared = edge.status_port == edge.http_port || edge.status_port == edge.https_port;
  if (edge.mode == Platform::Edge::Mode::host && shared) {
    field["status_port"].refuse("is one of the other two ports, too: each needs its own");
  }
  // In the container it listens on these, whatever the host's are.
  if (edge.mode == Platform::Edge::Mode::managed &&
      (edge.status_port == 80 || edge.status_port == 443)) {
    field["status_port"].refuse("must be neither 80 nor 443, which it has for the apps");
  }
}

void check_host_commands(const Platform::Edge& edge, const Field& field) {
  for (const char* key : {"test", "reload"}) {
    if (edge.mode == Platform::Edge::Mode::host || !field[key].said()) continue;
    field[key].refuse("is for mode host: leave it out, or say mode: host");
  }
}

}  // namespace

Platform::Edge read_edge(const Field& field) {
  using Mode = Platform::Edge::Mode;
  Platform::Edge edge;
  const std::string mode = field["mode"].text().value_or("managed");
  edge.mode = mode == "host" ? Mode::host : mode == "none" ? Mode::none : Mode::managed;
  take(edge.address, field["address"].text());
  edge.both_families =
      edge.mode != Mode::host && (!field["address"].said() || edge.address == "::");
  if (!is_address(edge.address)) {
    field["address"].refuse("must be an IP address, got \"" + edge.address + "\"");
  }
  edge.scheme = read_scheme(field["scheme"]);
  take(edge.http_port, field["http_port"].number());
  take(edge.https_port, field["https_port"].number());
  take(edge.status_port, field["status_port"].number());
  edge.trusted_proxies = read_ranges(field["trusted_proxies"]);
  take(edge.connections_per_address, field["connections_per_address"].number());
  take(edge.shutdown_timeout, field["shutdown_timeout"].duration(1s));
  read_words(edge.test, field["test"]);
  read_words(edge.reload, field["reload"]);
  read_acme(edge.acme, field["acme"]);
  check_ports(edge, field);
  if (field["mode"].value().is_null() || field["mode"].said()) check_host_commands(edge, field);
  return edge;
}

}  // namespace fairlead
