#include "reconciler/platform_tenants.h"

#include <algorithm>

#include "reconciler/grammar.h"
#include "reconciler/mount_roots.h"

namespace fairlead {
namespace {

using Taken = std::map<std::string, std::string>;  // domain → where

std::string read_folder(const Field& field, const Platform::Folders& folders) {
  const auto text = field.text();
  if (!text) return "";
  if (!is_relative_path(*text)) {
    field.refuse("must be a path below the manifest folder, without \"..\", got \"" + *text + "\"");
  }
  if (at_or_below(*text, folders.platform)) {
    field.refuse(*text + " is the operator's own folder (folders.platform), which is no tenant's");
  }
  return *text;
}

void read_domains(std::vector<std::string>& domains, const Field& field, Taken& taken) {
  for (const Field& item : field.items()) {
    const auto text = item.text();
    if (!text) continue;
    const auto domain = normal_domain(ascii_host(*text), true);
    if (!domain) {
      item.refuse("must be a host name such as blog.example.org or *.example.org, got \"" + *text +
                  "\"");
      continue;
    }
    const auto [first, is_new] = taken.emplace(*domain, item.path());
    if (!is_new) item.refuse(*domain + " is already taken by " + first->second);
    domains.push_back(*domain);
  }
}

std::optional<std::vector<std::string>> read_absolute_paths(const Field& field) {
  if (!field.said()) return std::nullopt;
  std::vector<std::string> paths;
  for (const Field& item : field.items()) {
    if (const auto path = item.absolute_path()) paths.push_back(*path);
  }
  return paths;
}

std::optional<std::vector<std::string>> read_secret_paths(const Field& field) {
  if (!field.said()) return std::nullopt;
  std::vector<std::string> paths;
  for (const Field& item : field.items()) {
    const auto text = item.text();
    if (!text) continue;
    const std::string path = text->ends_with('/') ? text->substr(0, text->size() - 1) : *text;
    if (!is_relative_path(path)) {
      item.refuse(
          "must be a file of the secrets folder, or a folder of it with a / behind, got \"" +
          *text + "\"");
    }
    paths.push_back(*text);
  }
  return paths;
}

std::optional<std::vector<Tenant::Ports>> read_ports(const Field& field) {
  if (!field.said()) return std::nullopt;
  std::vector<Tenant::Ports> ranges;
  for (const Field& item : field.items()) {
    const auto text = item.text();
    if (!text) continue;
    const std::size_t dash = text->find('-');
    const auto from = port_of(std::string_view(*text).substr(0, dash));
    const auto to = dash == text->npos ? from : port_of(std::string_view(*text).substr(dash + 1));
    if (from && to && *from <= *to) {
      ranges.push_back({*from, *to});
    } else {
      item.refuse("must be a port of the host, or a range such as 8000-8099, got \"" + *text +
                  "\"");
    }
  }
  return ranges;
}

Tenant read_tenant(const Field& field, const Platform::Folders& folders, Taken& taken) {
  Tenant tenant;
  tenant.folder = read_folder(field["folder"], folders);
  tenant.where[""] = field.where();
  for (const auto& [key, value] : field.members()) tenant.where[key] = value.where();
  read_domains(tenant.domains, field["domains"], taken);
  return tenant;
}

// What is not said is as little as one would give to a stranger.
void read_rules(Tenant& tenant, const Field& field) {
  tenant.names = field["names"].words();
  tenant.secrets = read_secret_paths(field["secrets"]);
  if (!tenant.secrets) tenant.secrets = {{tenant.folder + "/"}};
  tenant.mount_roots = read_absolute_paths(field["mount_roots"]);
  if (!tenant.mount_roots) tenant.mount_roots.emplace();
  tenant.ports = read_ports(field["ports"]);
  if (!tenant.ports) tenant.ports.emplace();
  tenant.registries = field["registries"].words();
  tenant.needs = field["needs"].words();
  tenant.connections = field["connections"].number();
}

}  // namespace

std::vector<Tenant> read_tenants(const Field& tenants, const Field& edge,
                                 const Platform::Folders& folders) {
  std::vector<Tenant> all;
  Taken taken;
  const auto same_folder = [&](const Tenant& tenant) {
    return std::find_if(all.begin(), all.end(),
                        [&](const Tenant& held) { return held.folder == tenant.folder; });
  };
  for (const Field& item : tenants.items()) {
    Tenant tenant = read_tenant(item, folders, taken);
    read_rules(tenant, item);
    if (same_folder(tenant) != all.end()) {
      item["folder"].refuse(tenant.folder + " has its tenant already");
    }
    all.push_back(std::move(tenant));
  }
  for (const Field& item : edge.items()) {
    Tenant tenant = read_tenant(item, folders, taken);
    const auto held = same_folder(tenant);
    if (held == all.end()) {
      all.push_back(std::move(tenant));
    } else {
      held->domains.insert(held->domains.end(), tenant.domains.begin(), tenant.domains.end());
    }
  }
  return all;
}

}  // namespace fairlead
