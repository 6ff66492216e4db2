#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reconciler/app.h"

// Who writes manifests below one folder, and what they may ask for; whatever lies below no tenant's
// folder is the operator's, to whom none of this applies. Pure.
namespace fairlead {

struct Tenant {
  std::string folder;                // relative to the manifest folder: "team-a", "teams/b"
  std::vector<std::string> domains;  // that its apps alone may have; "*.a.example.org" and below
  // Names that its apps may have, and they alone: "shop", "acme-*". Absent: any that no other
  // tenant has.
  std::optional<std::vector<std::string>> names;
  // The others: absent is what the operator may, too.
  std::optional<std::vector<std::string>> secrets;      // files, or folders with a "/" behind
  std::optional<std::vector<std::string>> mount_roots;  // absolute paths
  struct Ports {
    int from = 0;
    int to = 0;  // the last one
  };
  std::optional<std::vector<Ports>> ports;             // of the host, that may be published
  std::optional<std::vector<std::string>> registries;  // hosts, with the logins there are for them
  std::optional<std::vector<std::string>> needs;       // "database", "messagebus", "storage"
  std::optional<int> connections;                      // at most, of an account at a service
  std::map<std::string, std::string> where;  // field → "fairlead.yml:12:5"; "" of the tenant
};

// The tenant in whose folder the manifest lies, the innermost where one is in another; null: it is
// the operator's. `source`: path relative to the manifest folder.
const Tenant* tenant_of(const std::vector<Tenant>& tenants, const std::string& source);

bool may_mount(const Tenant& tenant, const std::string& host_path);
bool may_publish(const Tenant& tenant, int host_port);
bool may_use_registry(const Tenant& tenant, const std::string& registry);
// Whether the platform file's logins are for its images; null: of the operator.
bool may_log_in(const Tenant* tenant);

// What the manifest asks for beyond what its tenant may; nothing: all of it is allowed. Host names
// are shared out over all apps (hosts.h). Errors: denied, with the place in the manifest and that
// of the rule.
std::optional<Error> beyond_tenant(const App& app, const std::vector<Tenant>& tenants,
                                   const std::string& source);

}  // namespace fairlead
