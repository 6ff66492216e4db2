#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "providers/nginx/certificates.h"
#include "providers/provider.h"

// What is wanted of the edge for one app: made by resolve.cc, read by the diff and the renderer.
// Immutable.
namespace fairlead::nginx {

// The app that runs a managed edge.
inline constexpr char edge_app[] = "edge";

// One `expose` entry as the edge serves it.
struct Route {
  std::vector<std::string> hosts;  // sorted; a leading "*." stands for any names before it
  Expose expose;                   // proto http, https or grpc
  Secret htpasswd;                 // content of the file that `auth` names; empty: no auth
};

using Certificates = std::map<std::string, CertificatePtr>;  // by host

struct SiteSpec : Spec {
  std::string app;
  bool suspended = false;
  std::vector<Route> routes;
  Certificates certificates;  // by file; absent: self-signed
  // Hosts that the app says and does not get → why.
  std::map<std::string, std::string> lost;
  // Hosts that have a certificate file of no use → why, and what is served instead.
  std::map<std::string, std::string> trouble;
};

// Null where the app is not served by the edge.
const SiteSpec* spec_of(const Graph* graph);

// Adds the site of an app that exposes something; to the edge's own app its mount and its ports.
// No host and path is in two routes. Errors: invalid (an htpasswd file that is missing or
// malformed).
Result<void> resolve_app(const ResolveInput& input, Graph& graph);

}  // namespace fairlead::nginx
