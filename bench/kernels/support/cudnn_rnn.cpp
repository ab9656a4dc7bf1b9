#include "bench/kernels/support/cudnn_rnn.h"

#include <cuda_fp16.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/base/error.h"

namespace caviar::bench {
namespace {

// Descriptors of cuDNN: created, destroyed, not copied.
template <class T, cudnnStatus_t (*kCreate)(T*), cudnnStatus_t (*kDestroy)(T)>
class Descriptor {
 public:
  Descriptor() { cudnn_check(kCreate(&value_), "create a descriptor"); }
  ~Descriptor() { kDestroy(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator T() const { return value_; }  // NOLINT(google-explicit-constructor): it stands for the descriptor

 private:
  T value_{};
};
using Handle = Descriptor<cudnnHandle_t, cudnnCreate, cudnnDestroy>;
using RnnDescriptor = Descriptor<cudnnRNNDescriptor_t, cudnnCreateRNNDescriptor, cudnnDestroyRNNDescriptor>;
using DataDescriptor =
    Descriptor<cudnnRNNDataDescriptor_t, cudnnCreateRNNDataDescriptor, cudnnDestroyRNNDataDescriptor>;
using TensorDescriptor = Descriptor<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using DropoutDescriptor =
    Descriptor<cudnnDropoutDescriptor_t, cudnnCreateDropoutDescriptor, cudnnDestroyDropoutDescriptor>;

cudnnRNNMode_t mode_of(Cell cell) {
  switch (cell) {
    case Cell::kLstm:
      return CUDNN_LSTM;
    case Cell::kGru:
      return CUDNN_GRU;
    case Cell::kRnnTanh:
      return CUDNN_RNN_TANH;
    case Cell::kRnnRelu:
      return CUDNN_RNN_RELU;
  }
  fail("cell ", static_cast<int>(cell), " is none that cuDNN has.");
}

// Since 8.9.1 cuDNN has the lengths of sequences from their descriptors, and wants this to be null.
static_assert(CUDNN_VERSION >= 8901);
constexpr const std::int32_t* kLengthsOnDevice = nullptr;

// Values as cuDNN reads them at a precision.
std::vector<unsigned char> encoded(const float* values, std::int64_t count, Precision precision) {
  const std::size_t size = precision == Precision::kMixed ? sizeof(__half) : sizeof(float);
  std::vector<unsigned char> bytes(static_cast<std::size_t>(count) * size);
  for (std::int64_t i = 0; i < count; ++i) {
    const __half half = __float2half_rn(values[i]);
    std::memcpy(bytes.data() + static_cast<std::size_t>(i) * size,
                size == sizeof(__half) ? static_cast<const void*>(&half) : values + i, size);
  }
  return bytes;
}

void upload(void* to, const std::vector<unsigned char>& bytes) {
  cuda_check(cudaMemcpy(to, bytes.data(), bytes.size(), cudaMemcpyHostToDevice), "copy to the device");
}

}  // namespace

void cudnn_check(cudnnStatus_t status, const char* attempt) {
  if (status != CUDNN_STATUS_SUCCESS) fail("cuDNN cannot ", attempt, ": ", cudnnGetErrorString(status), ".");
}

namespace {

// A stream with a handle of its own: starting cuDNN takes long, so they are kept for all measurements.
struct Lane {
  Handle handle;
  cudaStream_t stream{};
  cudaEvent_t done{};

  Lane() {
    cuda_check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "create a stream");
    cuda_check(cudaEventCreateWithFlags(&done, cudaEventDisableTiming), "create an event");
    cudnn_check(cudnnSetStream(handle, stream), "use a stream");
  }
};

// Never destroyed: at the end of the process CUDA may be gone before them.
Lane& lane(std::size_t number) {
  static auto& lanes = *new std::vector<Lane*>;
  while (lanes.size() <= number) lanes.push_back(new Lane);
  return *lanes[number];
}

}  // namespace

struct CudnnRnn::Implementation {
  using Bytes = DeviceArray<unsigned char>;

  // Memory of one run; the work space is of the stream it runs on.
  struct Run {
    Bytes weights, grad_weights, x, grad_x, y, grad_y, reserve;
  };
  CudnnRnnShape shape;
  std::size_t element = 4;                // bytes
  const Handle& handle = lane(0).handle;  // for descriptions
  RnnDescriptor rnn;
  DropoutDescriptor no_dropout;
  DataDescriptor x_data, y_data;
  TensorDescriptor state;  // of h and c: [directions, B, H]
  std::size_t weight_bytes = 0;
  std::vector<Run> runs;
  std::vector<Bytes> work_spaces;  // of the streams
  cudaEvent_t forked{};

  std::int64_t x_size() const { return std::int64_t{1} * shape.steps * shape.batch * shape.input; }
  std::int64_t y_size() const { return std::int64_t{1} * shape.steps * shape.batch * shape.directions * shape.hidden; }

  void describe(cudnnRNNAlgo_t algorithm) {
    const bool half = shape.precision == Precision::kMixed;
    const cudnnDataType_t type = half ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT;
    element = half ? 2 : 4;
    cudnn_check(cudnnSetDropoutDescriptor(no_dropout, handle, 0, nullptr, 0, 0), "describe no dropout");
    // FMA_MATH keeps fp32 products off the tensor cores' TF32.
    cudnn_check(
        cudnnSetRNNDescriptor_v8(rnn, algorithm, mode_of(shape.cell), CUDNN_RNN_DOUBLE_BIAS,
                                 shape.directions == 2 ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT,
                                 type, CUDNN_DATA_FLOAT, half ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH, shape.input,
                                 shape.hidden, shape.hidden, 1, no_dropout, CUDNN_RNN_PADDED_IO_DISABLED),
        "describe the layer");
    const std::vector<int> all(static_cast<std::size_t>(shape.batch), shape.steps);
    const auto data = [&](const DataDescriptor& descriptor, int width) {
      cudnn_check(cudnnSetRNNDataDescriptor(descriptor, type, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED, shape.steps,
                                            shape.batch, width, all.data(), nullptr),
                  "describe sequences");
    };
    data(x_data, shape.input);
    data(y_data, shape.directions * shape.hidden);
    const int sizes[3] = {shape.directions, shape.batch, shape.hidden};
    const int strides[3] = {shape.batch * shape.hidden, shape.hidden, 1};
    cudnn_check(cudnnSetTensorNdDescriptor(state, type, 3, sizes, strides), "describe states");
    cudnn_check(cudnnGetRNNWeightSpaceSize(handle, rnn, &weight_bytes), "say how large the weights are");
  }

  void allocate(int run_count, int stream_count) {
    std::size_t work = 0, reserve = 0;
    cudnn_check(cudnnGetRNNTempSpaceSizes(handle, rnn, CUDNN_FWD_MODE_TRAINING, x_data, &work, &reserve),
                "say how much memory it takes");
    const auto bytes = [](std::size_t size) { return Bytes(static_cast<std::int64_t>(size)); };
    const std::size_t x = static_cast<std::size_t>(x_size()) * element,
                      y = static_cast<std::size_t>(y_size()) * element;
    for (int i = 0; i < run_count; ++i)
      runs.push_back(
          {bytes(weight_bytes), bytes(weight_bytes), bytes(x), bytes(x), bytes(y), bytes(y), bytes(reserve)});
    for (int i = 0; i < stream_count; ++i) work_spaces.push_back(bytes(work));
    cuda_check(cudaEventCreateWithFlags(&forked, cudaEventDisableTiming), "create an event");
  }

  // Where cuDNN keeps one matrix and bias: the gates of the input first, then those of the state (its linLayerID).
  void set_weights(const Run& run, int direction, int segment, const float* matrix, int columns, const float* bias) {
    const TensorDescriptor matrix_shape, bias_shape;
    void *matrix_at = nullptr, *bias_at = nullptr;
    cudnn_check(cudnnGetRNNWeightParams(handle, rnn, direction, weight_bytes, run.weights.data(), segment, matrix_shape,
                                        &matrix_at, bias_shape, &bias_at),
                "say where weights are");
    upload(matrix_at, encoded(matrix, std::int64_t{1} * shape.hidden * columns, shape.precision));
    upload(bias_at, encoded(bias, shape.hidden, shape.precision));
  }

  // Calls one(handle, work space, run) for every run, round the streams; what follows on `stream` waits for all.
  template <class One>
  void spread(cudaStream_t stream, const One& one) {
    const std::size_t streams = work_spaces.size();
    cuda_check(cudaEventRecord(forked, stream), "record an event");
    for (std::size_t i = 0; i < streams; ++i)
      cuda_check(cudaStreamWaitEvent(lane(i).stream, forked), "wait for an event");
    for (std::size_t i = 0; i < runs.size(); ++i) one(lane(i % streams).handle, work_spaces[i % streams], runs[i]);
    for (std::size_t i = 0; i < streams; ++i) {
      cuda_check(cudaEventRecord(lane(i).done, lane(i).stream), "record an event");
      cuda_check(cudaStreamWaitEvent(stream, lane(i).done), "wait for an event");
    }
  }

  ~Implementation() {
    if (forked) cudaEventDestroy(forked);
  }
};

CudnnRnn::CudnnRnn(const CudnnRnnShape& shape, cudnnRNNAlgo_t algorithm, int runs, int streams)
    : implementation_(std::make_unique<Implementation>()) {
  implementation_->shape = shape;
  implementation_->describe(algorithm);
  implementation_->allocate(runs, std::min(runs, streams));
}

CudnnRnn::~CudnnRnn() = default;

void CudnnRnn::set_inputs(const CudnnRnnInputs& inputs) {
  Implementation& im = *implementation_;
  const CudnnRnnShape& s = im.shape;
  const int gates = gate_count(s.cell);
  const std::vector<float> ones(static_cast<std::size_t>(im.y_size()), 1.0f);
  const auto x = encoded(inputs.x, im.x_size(), s.precision), grad_y = encoded(ones.data(), im.y_size(), s.precision);
  for (const Implementation::Run& run : im.runs) {
    cuda_check(cudaMemset(run.grad_weights.data(), 0, run.grad_weights.bytes()), "clear gradients");
    upload(run.x.data(), x);
    upload(run.grad_y.data(), grad_y);
    for (int d = 0; d < s.directions; ++d) {
      const CudnnRnnInputs::Direction& from = inputs.direction[d];
      for (int g = 0; g < gates; ++g) {
        const int row = g * s.hidden;
        im.set_weights(run, d, g, from.input_weight + row * s.input, s.input, from.input_bias + row);
        im.set_weights(run, d, gates + g, from.hidden_weight + row * s.hidden, s.hidden, from.hidden_bias + row);
      }
    }
  }
}

void CudnnRnn::forward(cudaStream_t stream) {
  Implementation& im = *implementation_;
  im.spread(stream,
            [&im](const Handle& handle, const Implementation::Bytes& work_space, const Implementation::Run& run) {
              cudnn_check(cudnnRNNForward(handle, im.rnn, CUDNN_FWD_MODE_TRAINING, kLengthsOnDevice, im.x_data,
                                          run.x.data(), im.y_data, run.y.data(), im.state, nullptr, nullptr, im.state,
                                          nullptr, nullptr, im.weight_bytes, run.weights.data(), work_space.bytes(),
                                          work_space.data(), run.reserve.bytes(), run.reserve.data()),
                          "run forward");
            });
}

void CudnnRnn::backward(cudaStream_t stream) {
  Implementation& im = *implementation_;
  im.spread(stream, [&im](const Handle& handle, const Implementation::Bytes& work_space,
                          const Implementation::Run& run) {
    cudnn_check(cudnnRNNBackwardData_v8(handle, im.rnn, kLengthsOnDevice, im.y_data, run.y.data(), run.grad_y.data(),
                                        im.x_data, run.grad_x.data(), im.state, nullptr, nullptr, nullptr, im.state,
                                        nullptr, nullptr, nullptr, im.weight_bytes, run.weights.data(),
                                        work_space.bytes(), work_space.data(), run.reserve.bytes(), run.reserve.data()),
                "run backward by data");
    cudnn_check(
        cudnnRNNBackwardWeights_v8(handle, im.rnn, CUDNN_WGRAD_MODE_ADD, kLengthsOnDevice, im.x_data, run.x.data(),
                                   im.state, nullptr, im.y_data, run.y.data(), im.weight_bytes, run.grad_weights.data(),
                                   work_space.bytes(), work_space.data(), run.reserve.bytes(), run.reserve.data()),
        "run backward by weights");
  });
}

std::vector<float> CudnnRnn::output(int run) const {
  const Implementation& im = *implementation_;
  const auto& y = im.runs[static_cast<std::size_t>(run)].y;
  std::vector<unsigned char> bytes(y.bytes());
  cuda_check(cudaMemcpy(bytes.data(), y.data(), bytes.size(), cudaMemcpyDeviceToHost), "copy from the device");
  std::vector<float> values(static_cast<std::size_t>(im.y_size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    __half half;
    if (im.element == sizeof half) {
      std::memcpy(&half, bytes.data() + i * sizeof half, sizeof half);
      values[i] = __half2float(half);
    } else {
      std::memcpy(&values[i], bytes.data() + i * sizeof(float), sizeof(float));
    }
  }
  return values;
}

namespace {

constexpr double kSameWork = 1e-2;  // distance of outputs, fp16's included

struct Algorithm {
  cudnnRNNAlgo_t value;
  const char* name;
};
constexpr Algorithm kAlgorithms[] = {{CUDNN_RNN_ALGO_STANDARD, "standard"},
                                     {CUDNN_RNN_ALGO_PERSIST_STATIC, "persistent"},
                                     {CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H, "persistent, small H"}};

// |actual - expected| / |expected|
double distance(const std::vector<float>& actual, const float* expected) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double e = static_cast<double>(expected[i]), d = static_cast<double>(actual[i]) - e;
    error += d * d;
    norm += e * e;
  }
  return std::sqrt(error / norm);
}

}  // namespace

std::vector<Peer> cudnn_peers(const CudnnRnnShape& shape, const CudnnRnnInputs& inputs, Direction direction, int runs) {
  const int computed = std::min(runs, 32);
  std::vector<Peer> peers;
  for (const Algorithm& algorithm : kAlgorithms)
    for (const int streams : computed < 8 ? std::vector{1} : std::vector{8, 32}) {
      std::string name = cat("cuDNN ", algorithm.name, ", ", streams, " streams");
      Enqueue enqueue;
      try {
        const auto rnn = std::make_shared<CudnnRnn>(shape, algorithm.value, computed, streams);
        rnn->set_inputs(inputs);
        rnn->forward(nullptr);
        cuda_check(cudaDeviceSynchronize(), "wait for cuDNN");
        // Other work would be no yardstick: then it is said.
        if (const double off = distance(rnn->output(0), inputs.expected); !(off < kSameWork))
          name += cat(", OFF BY ", off);
        enqueue = [rnn, direction](cudaStream_t stream) {
          direction == Direction::kForward ? rnn->forward(stream) : rnn->backward(stream);
        };
        enqueue(nullptr);
        cuda_check(cudaDeviceSynchronize(), "wait for cuDNN");
      } catch (const CudaError&) {
        throw;
      } catch (const Error&) {
        break;  // not supported at this shape: cuDNN says so when it is described, or when it is called
      }
      peers.push_back({name, enqueue, static_cast<double>(computed) / runs});
      if (Enqueue replay = as_graph(enqueue)) peers.push_back({name + ", graph", replay, peers.back().share});
    }
  return peers;
}

}  // namespace caviar::bench
