#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tests/sim/sim_engine.h"
#include "tests/sim/sim_mariadb.h"
#include "tests/sim/sim_rabbitmq.h"

// The servers that listen in simulated containers whose program says so (Program::service). Their
// data is in the volume that the container mounts: another container of the same volume finds it, a
// new volume is empty. Owned by SimWorld; one thread. A server that is empty is made with the
// administrator that its container is told of, as the images do.
namespace fairlead::sim {

class SimServices {
 public:
  // `read` gives the content of a file on the host, empty where there is none.
  SimServices(const SimEngine& engine, std::function<std::string(const std::string&)> read)
      : engine_(engine), read_(std::move(read)) {}

  // The server in the container; null: it is of another kind, or has never run.
  SimMariaDb* mariadb_of(const SimContainer& container);
  SimRabbitMq* rabbitmq_of(const SimContainer& container);
  // The server with the data of the app of its name, whether it runs or not. Null: there is none.
  SimMariaDb* mariadb();
  SimRabbitMq* rabbitmq();
  // Whether a container that takes connections serves that data.
  bool listens(const std::string& service) const;
  // The data is deleted by hand below the server, which is begun anew.
  void wipe(const std::string& service);
  // Grows whenever a server begins empty.
  int beginnings() const { return beginnings_; }

  // Why nothing listens there, or nothing: it does. The container must run.
  std::optional<Answer> refuse(const SimContainer* container, const std::string& service,
                               const std::string& port) const;
  std::string text();

 private:
  struct Data {
    Instant created;  // of its volume
    std::string run;  // the container and its start that serve it
    std::unique_ptr<SimMariaDb> mariadb;
    std::unique_ptr<SimRabbitMq> rabbitmq;
  };

  Data* data_of(const SimContainer& container);
  void begin(Data& data, const SimContainer& container);
  Data* data_of(const std::string& service);
  void forget_what_is_gone();
  std::string secret_of(const SimContainer& container, const std::string& name) const;

  const SimEngine& engine_;
  std::function<std::string(const std::string&)> read_;
  std::map<std::string, Data> data_;  // volume → what is on it; absent: nothing
  int beginnings_ = 0;
};

}  // namespace fairlead::sim
