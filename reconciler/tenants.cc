#include "reconciler/tenants.h"

#include <algorithm>
#include <string_view>

#include "reconciler/image_ref.h"
#include "reconciler/mount_roots.h"

namespace fairlead {
namespace {

// `*` stands for any characters, none too.
bool matches(std::string_view name, std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == pattern.npos) return name == pattern;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= name.size(); ++at) {
    if (matches(name.substr(at), rest)) return true;
  }
  return false;
}

bool matches_any(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(name, pattern); });
}

bool has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool may_read(const Tenant& tenant, const std::string& file) {
  return !tenant.secrets ||
         std::any_of(tenant.secrets->begin(), tenant.secrets->end(), [&](const std::string& said) {
           return said.ends_with('/') ? file.starts_with(said) : file == said;
         });
}

// Checks one app against its tenant.
class Admission {
 public:
  Admission(const App& app, const Tenant& tenant) : app_(app), tenant_(tenant) {}

  std::optional<Error> check() {
    if (tenant_.names && !matches_any(app_.name, *tenant_.names)) {
      refuse("name", "names", "the name " + app_.name);
    }
    for (const auto& [name, source] : app_.secrets) {
      if (source.file && !may_read(tenant_, *source.file)) {
        refuse("secrets." + name, "secrets", "the secret file " + *source.file);
      }
    }
    for (std::size_t i = 0; i < app_.expose.size(); ++i) expose(i);
    for (const HostMount& mount : app_.mounts) {
      if (!may_mount(tenant_, mount.host))
        refuse("mounts", "mount_roots", "the mount " + mount.host);
    }
    const auto image = ImageRef::parse(app_.image);
    if (image && !names_image_id(app_.image) && !may_use_registry(tenant_, image->registry)) {
      refuse("image", "registries", "the registry " + image->registry);
    }
    need("database", app_.needs.database);
    need("messagebus", app_.needs.messagebus);
    if (app_.needs.storage) allow_need("storage");
    return error_;
  }

 private:
  void expose(std::size_t index) {
    const Expose& said = app_.expose[index];
    const std::string field = "expose[" + std::to_string(index) + "].";
    if (said.auth && !may_read(tenant_, *said.auth)) {
      refuse(field + "auth", "secrets", "the secret file " + *said.auth);
    }
    if (said.publish && !may_publish(tenant_, said.publish->port)) {
      refuse(field + "publish", "ports", "the port " + std::to_string(said.publish->port));
    }
  }

  void allow_need(const std::string& word) {
    if (tenant_.needs && !has(*tenant_.needs, word)) refuse("needs", "needs", "the need " + word);
  }

  void need(const std::string& word, const std::optional<AccountNeed>& account) {
    if (!account) return;
    allow_need(word);
    if (tenant_.connections && account->connections_max &&
        *account->connections_max > *tenant_.connections) {
      refuse("needs", "connections",
             std::to_string(*account->connections_max) + " connections to the " + word);
    }
  }

  void refuse(const std::string& field, const std::string& rule, const std::string& what) {
    if (error_) return;
    const auto place = tenant_.where.find(rule);
    const std::string where =
        place != tenant_.where.end() ? place->second : tenant_.where.find("")->second;
    error_ = {Code::denied,
              field + ": " + what + " is beyond what the tenant " + tenant_.folder + " may have (" +
                  rule + ", " + where + ")",
              app_.where(field)};
  }

  const App& app_;
  const Tenant& tenant_;
  std::optional<Error> error_;
};

}  // namespace

const Tenant* tenant_of(const std::vector<Tenant>& tenants, const std::string& source) {
  const Tenant* innermost = nullptr;
  for (const Tenant& tenant : tenants) {
    const bool deeper = !innermost || tenant.folder.size() > innermost->folder.size();
    if (deeper && source.starts_with(tenant.folder + "/")) innermost = &tenant;
  }
  return innermost;
}

bool may_mount(const Tenant& tenant, const std::string& host_path) {
  return !tenant.mount_roots ||
         std::any_of(tenant.mount_roots->begin(), tenant.mount_roots->end(),
                     [&](const std::string& root) { return at_or_below(host_path, root); });
}

bool may_publish(const Tenant& tenant, int host_port) {
  return !tenant.ports ||
         std::any_of(tenant.ports->begin(), tenant.ports->end(), [&](const Tenant::Ports& range) {
           return host_port >= range.from && host_port <= range.to;
         });
}

bool may_use_registry(const Tenant& tenant, const std::string& registry) {
  return !tenant.registries || has(*tenant.registries, registry);
}

bool may_log_in(const Tenant* tenant) { return !tenant || tenant->registries.has_value(); }

std::optional<Error> beyond_tenant(const App& app, const std::vector<Tenant>& tenants,
                                   const std::string& source) {
  const Tenant* own = tenant_of(tenants, source);
  for (const Tenant& tenant : tenants) {
    if (&tenant == own || !tenant.names || !matches_any(app.name, *tenant.names)) continue;
    if (own && own->names && matches_any(app.name, *own->names)) continue;
    const auto place = tenant.where.find("names");
    return Error{Code::denied,
                 "name: " + app.name + " is a name of the tenant " + tenant.folder + " (names, " +
                     (place == tenant.where.end() ? "" : place->second) + ")",
                 app.where("name")};
  }
  return own ? Admission(app, *own).check() : std::nullopt;
}

}  // namespace fairlead
