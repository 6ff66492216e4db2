#include "tests/sim/sim_services.h"

#include <algorithm>

namespace fairlead::sim {
namespace {

std::string volume_of(const SimContainer& container) {
  for (const Json& mount : container.host_config["Mounts"].items()) {
    if (mount["Type"].as_string() == "volume") return mount["Source"].as_string();
  }
  return "";
}

std::string run_of(const SimContainer& container) {
  return container.id + "/" + std::to_string(container.run);
}

bool runs(const SimContainer& container) { return container.running && !container.restarting; }

}  // namespace

std::string SimServices::secret_of(const SimContainer& container, const std::string& name) const {
  for (const Json& mount : container.host_config["Mounts"].items()) {
    if (mount["Target"].as_string() == "/run/secrets/" + name) {
      return read_(mount["Source"].as_string());
    }
  }
  return "";
}

void SimServices::forget_what_is_gone() {
  std::erase_if(data_, [&](const auto& entry) {
    const auto volume = engine_.volumes().find(entry.first);
    return volume == engine_.volumes().end() ||
           volume->second.created.steady != entry.second.created.steady;
  });
}

void SimServices::begin(Data& data, const SimContainer& container) {
  ++beginnings_;
  data.created = engine_.volumes().at(volume_of(container)).created;
  if (container.program.service == "mariadb") {
    data.mariadb = std::make_unique<SimMariaDb>(secret_of(container, "MARIADB_ROOT_PASSWORD"));
  } else {
    data.rabbitmq =
        std::make_unique<SimRabbitMq>("fairlead", secret_of(container, "RABBITMQ_DEFAULT_PASS"));
  }
}

SimServices::Data* SimServices::data_of(const SimContainer& container) {
  forget_what_is_gone();
  const std::string volume = volume_of(container);
  if (container.program.service.empty() || engine_.volumes().count(volume) == 0) return nullptr;
  const auto found = data_.find(volume);
  if (found == data_.end() && !runs(container)) return nullptr;
  Data& data = data_[volume];
  if (!data.mariadb && !data.rabbitmq) begin(data, container);
  if (runs(container) && data.run != run_of(container)) {
    data.run = run_of(container);
    if (data.mariadb) data.mariadb->end_process();
  }
  return &data;
}

SimMariaDb* SimServices::mariadb_of(const SimContainer& container) {
  Data* data = data_of(container);
  return data ? data->mariadb.get() : nullptr;
}

SimRabbitMq* SimServices::rabbitmq_of(const SimContainer& container) {
  Data* data = data_of(container);
  return data ? data->rabbitmq.get() : nullptr;
}

// A container that runs may be the first sight of its server.
SimServices::Data* SimServices::data_of(const std::string& service) {
  const std::string volume = service + ".data";
  for (const auto& [id, container] : engine_.containers()) {
    const bool serves = container.program.service == service && volume_of(container) == volume;
    if (serves && runs(container)) return data_of(container);
  }
  forget_what_is_gone();
  const auto found = data_.find(volume);
  return found == data_.end() ? nullptr : &found->second;
}

SimMariaDb* SimServices::mariadb() {
  Data* data = data_of("mariadb");
  return data ? data->mariadb.get() : nullptr;
}

SimRabbitMq* SimServices::rabbitmq() {
  Data* data = data_of("rabbitmq");
  return data ? data->rabbitmq.get() : nullptr;
}

bool SimServices::listens(const std::string& service) const {
  return std::any_of(
      engine_.containers().begin(), engine_.containers().end(), [&](const auto& entry) {
        const SimContainer& container = entry.second;
        return container.program.service == service && volume_of(container) == service + ".data" &&
               runs(container) && !container.paused &&
               engine_.now().steady - container.started.steady >= container.program.listens_after;
      });
}

void SimServices::wipe(const std::string& service) { data_.erase(service + ".data"); }

std::optional<Answer> SimServices::refuse(const SimContainer* container, const std::string& service,
                                          const std::string& port) const {
  const std::string own = service == "mariadb" ? "3306" : "15672";
  const bool there = container && runs(*container) && container->program.service == service;
  if (there && port == own &&
      engine_.now().steady - container->started.steady >= container->program.listens_after) {
    return std::nullopt;
  }
  return Answer{0, "", "connect: connection refused"};
}

std::string SimServices::text() {
  forget_what_is_gone();
  std::string text;
  for (const auto& [volume, data] : data_) {
    text += "on volume " + volume + ":\n";
    text += data.mariadb ? data.mariadb->text() : data.rabbitmq->text();
  }
  return text;
}

}  // namespace fairlead::sim
