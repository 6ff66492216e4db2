#include "reconciler/app_rules.h"

#include <algorithm>
#include <map>

#include "reconciler/image_ref.h"
#include "reconciler/units.h"

namespace fairlead {
namespace {

bool any_address(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

bool collide(const Publish& a, const Publish& b) {
  return a.port == b.port &&
         (a.address == b.address || any_address(a.address) || any_address(b.address));
}

bool is_exclusive(const App& app) { return app.needs.storage && !app.needs.storage->shared; }

bool is_published(const App& app) {
  return std::any_of(app.expose.begin(), app.expose.end(),
                     [](const Expose& expose) { return expose.publish.has_value(); });
}

void check_publishes(const App& app, const Field& root) {
  const auto fields = root["expose"].items();
  for (std::size_t i = 0; i < app.expose.size(); ++i) {
    if (!app.expose[i].publish) continue;
    for (std::size_t k = 0; k < i; ++k) {
      if (!app.expose[k].publish || !collide(*app.expose[i].publish, *app.expose[k].publish)) {
        continue;
      }
      fields[i]["publish"].refuse("host port " + std::to_string(app.expose[i].publish->port) +
                                  " is already taken by " + fields[k].path());
    }
  }
}

void check_domains(const App& app, const Field& root) {
  std::map<std::string, std::string> taken;  // domain and path → where
  const auto fields = root["expose"].items();
  for (std::size_t i = 0; i < app.expose.size(); ++i) {
    const auto items = fields[i]["domains"].items();
    for (std::size_t k = 0; k < app.expose[i].domains.size() && k < items.size(); ++k) {
      const std::string route = app.expose[i].domains[k] + app.expose[i].path;
      const auto [first, is_new] = taken.emplace(route, items[k].path());
      if (!is_new) items[k].refuse(route + " is already taken by " + first->second);
    }
  }
}

// Two things at one path of the container would hide one another.
class MountPoints {
 public:
  void take(const std::string& path, const Field& field) {
    if (path.empty()) return;
    const auto [first, is_new] = taken_.emplace(path, field.path());
    if (!is_new) field.refuse(path + " is already the place of " + first->second);
  }

 private:
  std::map<std::string, std::string> taken_;
};

void check_mount_points(const App& app, const Field& root) {
  MountPoints points;
  const bool has_files = std::any_of(app.secrets.begin(), app.secrets.end(),
                                     [](const auto& secret) { return !secret.second.as_env; });
  if (has_files) points.take("/run/secrets", root["secrets"]);
  if (app.needs.storage) {
    for (const Field& need : root["needs"].items()) {
      if (need.value() == Json("storage")) points.take(app.needs.storage->path, need);
      if (need.value().has("storage"))
        points.take(app.needs.storage->path, need["storage"]["path"]);
    }
  }
  for (std::size_t i = 0; i < app.mounts.size(); ++i) {
    points.take(app.mounts[i].path, root["mounts"].items()[i]["path"]);
  }
  const auto take_tmpfs = [](MountPoints taken, const ProcessSettings& process,
                             const Field& field) {
    for (std::size_t i = 0; i < process.tmpfs.size(); ++i) {
      taken.take(process.tmpfs[i], field["tmpfs"].items()[i]);
    }
  };
  // Each process has its own set on top of what all of them share.
  take_tmpfs(points, app.main, root);
  for (const auto& [name, process] : app.processes) {
    take_tmpfs(points, process, root["processes"][name]);
  }
}

void check_deploy(const App& app, const Field& root) {
  const Field replicas = root["deploy"]["replicas"];
  const Field strategy = root["deploy"]["strategy"];
  const bool rolling = app.deploy.strategy == Deploy::Strategy::rolling;
  if (is_exclusive(app)) {
    const std::string way = "storage is exclusive: one container at a time holds it; ";
    if (app.deploy.replicas.value_or(1) > 1) {
      replicas.refuse(way + "leave replicas out, or say storage: {shared: true}");
    }
    if (rolling) strategy.refuse(way + "say recreate, or storage: {shared: true}");
  }
  if (is_published(app)) {
    const std::string way = "a published port is held by one container at a time: ";
    if (app.deploy.replicas.value_or(1) > 1) replicas.refuse(way + "leave replicas or publish out");
    if (rolling) strategy.refuse(way + "say recreate, or leave publish out");
  }
}

void check_secrets(const App& app, const Field& root) {
  for (const auto& [name, source] : app.secrets) {
    if (source.as_env && app.env.count(name) != 0) {
      root["secrets"][name].refuse("is also in `env`: leave one of them out");
    }
  }
}

void check_after(const App& app, const Field& root) {
  for (const Field& item : root["after"].items()) {
    if (item.said() && !app.name.empty() && item.value().as_string() == app.name) {
      item.refuse("an app cannot wait for itself");
    }
  }
}

void check_health_ports(const App& app, const Field& root) {
  const auto lacks_port = [](const ProcessSettings& process) {
    return process.health && process.health->http && !process.health->port;
  };
  // A port that was refused is said all the same.
  if (lacks_port(app.main) && app.expose.empty() && !root["health"].value().has("port")) {
    root["health"]["http"].refuse("no port to ask: say `port`, or `expose` one");
  }
  for (const auto& [name, process] : app.processes) {
    const Field health = root["processes"][name]["health"];
    if (lacks_port(process) && !health.value().has("port")) {
      health["http"].refuse("no port to ask: say `port`");
    }
  }
}

// The engine's first check comes one interval after the start, or, where there is a start period,
// maybe sooner.
void check_deadline(const App& app, const Field& root) {
  if (!app.deploy.deadline) return;
  const auto check = [&](const ProcessSettings& process, const std::string& path) {
    if (!process.health || process.health->http || process.health->disable) return;
    const HealthCheck& health = *process.health;
    const bool late = health.interval && *app.deploy.deadline <= *health.interval &&
                      health.start_period.value_or(Milliseconds(0)).count() == 0;
    if (!late) return;
    root["deploy"]["deadline"].refuse(
        "no version can get healthy within it, as the first check comes " +
        format_duration(*health.interval) + " after the start (" + path +
        "health.interval): say a longer one, or leave it out");
  };
  check(app.main, "");
  for (const auto& [name, process] : app.processes) check(process, "processes." + name + ".");
}

std::size_t bytes_of(const std::map<std::string, std::string>& words) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : words) bytes += name.size() + value.size();
  return bytes;
}

std::size_t bytes_of(const std::optional<std::vector<std::string>>& words) {
  std::size_t bytes = 0;
  for (const std::string& word : words.value_or(std::vector<std::string>())) bytes += word.size();
  return bytes;
}

// The largest part is refused.
void check_words(const App& app, const Field& root) {
  const auto check = [&](const ProcessSettings& process, const Field& field) {
    const std::vector<std::pair<std::size_t, Field>> parts = {
        {bytes_of(app.labels), root["labels"]},
        {bytes_of(app.env), root["env"]},
        {bytes_of(process.env), field["env"]},
        {bytes_of(process.command), field["command"]},
        {bytes_of(process.entrypoint), field["entrypoint"]}};
    std::size_t all = 0;
    const auto* most = &parts.front();
    for (const auto& part : parts) {
      all += part.first;
      if (part.first > most->first) most = &part;
    }
    if (all <= process_words_max) return;
    most->second.refuse("labels, env, command and entrypoint of a process may be " +
                        format_bytes(process_words_max) + " together, these are " +
                        format_bytes(static_cast<std::int64_t>(all)));
  };
  check(app.main, root);
  for (const auto& [name, process] : app.processes) check(process, root["processes"][name]);
}

void check_update(const App& app, const Field& root) {
  const auto image = ImageRef::parse(app.image);
  if (!app.update || !image) return;
  const Field track = root["update"]["track"];
  if (!image->digest.empty()) {
    track.refuse("the image is pinned by its digest: leave out the digest or `update`");
  } else if (!app.update->track.understands(image->tag)) {
    track.refuse("begins at the tag of `image`, which must be " +
                 std::string(app.update->track.by == Track::By::numeric
                                 ? "a whole number such as 0042"
                                 : "a version such as 1.2.0") +
                 ", got \"" + image->tag + "\"");
  }
}

}  // namespace

void check_rules(const App& app, const Field& root) {
  check_update(app, root);
  check_publishes(app, root);
  check_domains(app, root);
  check_mount_points(app, root);
  check_deploy(app, root);
  check_secrets(app, root);
  check_after(app, root);
  check_health_ports(app, root);
  check_deadline(app, root);
  check_words(app, root);
}

}  // namespace fairlead
