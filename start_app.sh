#!/usr/bin/env bash
# 一条命令启动整个服务：检查环境 → 安装依赖 → 检查模型 → 生成首次运行的机密 → 启动 WebUI、HTTPS 代理与后台任务并看护它们。
# 用法见 bash start_app.sh --help
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

readonly PYTHON=.venv/bin/python
readonly STAMP=.venv/.requirements.sha256
readonly CPU_WHEELS=${TORCH_CPU_INDEX_URL:-https://download.pytorch.org/whl/cpu}
readonly MIN_MEMORY_MB=7630      # 8 GB
readonly MIN_DISK_MB=19073       # 20 GB
readonly MIN_VIDEO_MB=3814       # 4 GB
readonly READY_LIMIT_S=${START_LIMIT_S:-180}
readonly LOG_LIMIT_BYTES=10485760

PIDS=()        # 看护的进程
NAMES=()       # 与 PIDS 一一对应
STOPPING=""

usage() {
  cat <<'TEXT'
用法：bash start_app.sh [选项]

  （无选项）      检查、安装、启动 WebUI、HTTPS 代理和后台任务，直到 Ctrl-C
  --webui-only    只启动 WebUI（Gradio 页面与 /api/*）
  --proxy-only    只启动 HTTPS 代理和后台任务
  --check         只检查，不安装、不下载、不启动
  --install       只检查并安装依赖
  --install-all   同上，并安装 torch（requirements-torch.txt）：训练、测试需要；有显卡时总是安装
  --help          显示本说明

设置写在 config.yaml，或用环境变量覆盖，例如 TTS__PROXY__PORT=9443。
PIP_INDEX_URL 指定 PyPI 镜像，TORCH_CPU_INDEX_URL 指定 CPU 版 torch 的镜像，HF_ENDPOINT 指定模型镜像。
退出码：按 Ctrl-C 或收到 SIGTERM 而正常停止为 0；启动失败或有进程意外退出为 1；用法错误为 2。
日志在 var/log/。
TEXT
}

say() { printf '%s\n' "$*"; }
warn() { printf '警告：%s\n' "$*" >&2; }
die() {
  printf '错误：%s\n' "$*" >&2
  exit 1
}

# ---- 检查 ----------------------------------------------------------------

is_usable_python() {
  "$1" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in "$PYTHON" python3.11 python3.12 python3 python; do
    if is_usable_python "$candidate"; then
      printf '%s' "$candidate"
      return
    fi
  done
  die "没有找到 Python 3.11 或 3.12：请先安装，例如 apt-get install python3.11 python3.11-venv。"
}

check_machine() {
  local memory_mb disk_mb limit
  memory_mb=$(awk '/^MemTotal:/ {print int($2 / 1024)}' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || true)   # 容器的内存上限
  if [[ $limit =~ ^[0-9]+$ ]] && ((limit / 1048576 < memory_mb)); then
    memory_mb=$((limit / 1048576))
  fi
  disk_mb=$(df -Pm . | awk 'NR == 2 {print $4}')
  say "内存：$memory_mb MB；磁盘剩余：$disk_mb MB"
  ((memory_mb >= MIN_MEMORY_MB)) || warn "内存不足 8 GB，长文本合成时可能不够用。"
  ((disk_mb >= MIN_DISK_MB)) || warn "磁盘剩余不足 20 GB，请留意 storage.max_total_mb。"
}

# 显存足够时把显卡名写进 GPU，否则 GPU 为空；GPU_SAID 是给人看的一句话
check_gpu() {
  local line name video_mb
  GPU=""
  if ! line=$(nvidia-smi --query-gpu=name,memory.total --format=csv,noheader,nounits 2>/dev/null | head -n 1) ||
    [[ -z $line ]]; then
    GPU_SAID="没有发现 NVIDIA 显卡"
    return
  fi
  name=${line%,*}
  video_mb=${line##*, }
  if [[ $video_mb =~ ^[0-9]+$ ]] && ((video_mb >= MIN_VIDEO_MB)); then
    GPU=$name
    GPU_SAID="发现 $name（显存 $video_mb MB）"
  else
    GPU_SAID="$name 的显存（$video_mb MB）不足 4 GB"
  fi
}

# 依赖装好、读过设置以后才知道：torch 是否带 CUDA，设置里有没有指定设备
choose_device() {
  local device=$DEVICE_SETTING cuda=""
  if [[ -n $GPU ]] && "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    cuda=yes
  elif [[ -n $GPU ]]; then
    GPU_SAID+="，但安装的 torch 用不了 CUDA"
  fi
  case $device in
    auto) if [[ -n $cuda ]]; then device=cuda:0; else device=cpu; fi ;;
    cuda:0) [[ -n $cuda ]] || die "设置 engine.device 是 cuda:0，但$GPU_SAID：请改为 auto 或 cpu。" ;;
  esac
  export TTS__ENGINE__DEVICE=$device
  say "显卡：$GPU_SAID；使用 $device"
}

# ---- 安装 ----------------------------------------------------------------

# 带 torch 的两个文件的散列值也算装好了不带 torch 的
requirements_hash() {
  { cat "$@"; "$PYTHON" -c 'import sys; print(sys.version_info[:2])'; } | sha256sum | cut -d ' ' -f 1
}

is_installed() {
  local stamp
  is_usable_python "$PYTHON" && [[ -f $STAMP ]] || return 1
  stamp=$(<"$STAMP")
  [[ $stamp == "$(requirements_hash requirements.txt requirements-torch.txt)" ]] ||
    [[ -z $WITH_TORCH && $stamp == "$(requirements_hash requirements.txt)" ]]
}

# 只有显卡与训练才用 torch：省去近 1 GB 的下载，CPU 上由 ONNX Runtime 合成
choose_packages() {
  REQUIREMENTS=(requirements.txt)
  if [[ -n $GPU || -n $WITH_TORCH || ${TTS__ENGINE__DEVICE:-} == cuda* ]]; then
    WITH_TORCH=yes
    REQUIREMENTS+=(requirements-torch.txt)
  fi
}

install() {
  local base
  local -a options=()
  if is_installed; then
    say "依赖：已安装"
    return
  fi
  exec 9>var/.install.lock
  flock 9   # 另一个 start_app.sh 正在安装时等它
  if is_installed; then
    exec 9>&-
    return
  fi
  base=$(find_python)
  if ! is_usable_python "$PYTHON"; then
    say "正在创建 .venv……"
    rm -rf .venv 2>/dev/null || die "不能换掉 .venv：它属于别的用户。请用它的属主运行 bash start_app.sh --install。"
    "$base" -m venv .venv || die "无法创建 .venv：请安装 venv 模块，例如 apt-get install python3.11-venv。"
  fi
  if [[ -z $GPU && -n $WITH_TORCH ]] && can_reach "$CPU_WHEELS/torch/"; then
    options+=(--extra-index-url "$CPU_WHEELS")   # 2.13.0+cpu 排在 2.13.0 之前，省去几个 GB 的 CUDA 库
  fi
  say "正在安装依赖，首次需要几分钟……"
  "$PYTHON" -m pip install --disable-pip-version-check ${options[@]+"${options[@]}"} -r "${REQUIREMENTS[-1]}" ||
    die "依赖安装失败：请检查网络，或用 PIP_INDEX_URL 指定镜像后重新运行。"
  requirements_hash "${REQUIREMENTS[@]}" >"$STAMP"
  exec 9>&-
  say "依赖：安装完成"
}

can_reach() {
  "$PYTHON" - "$1" <<'CODE' >/dev/null 2>&1
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="HEAD"), timeout=5).close()
CODE
}

# ---- 准备 ----------------------------------------------------------------

# 读设置、查端口；带 --prepare 时生成首次运行的机密与第一个 API 密钥
plan() {
  local assignments
  assignments=$(PYTHONPATH=. "$PYTHON" -P app/launch.py plan "$@" "${HALVES[@]}") || exit 1
  eval "$assignments"   # 每个值都经过 shlex.quote
}

# ---- 启动与看护 ----------------------------------------------------------

# start 名称 日志名 命令……
start() {
  local name=$1 log=var/log/$2.log
  local -a guard=(setsid)   # 终端的 Ctrl-C 只到本脚本，由它有序停止
  shift 2
  if [[ -f $log && $(stat -c %s "$log") -gt $LOG_LIMIT_BYTES ]]; then
    mv -f "$log" "$log.1"
  fi
  if setpriv --pdeathsig TERM true 2>/dev/null; then
    guard+=(setpriv --pdeathsig TERM)   # 本脚本被 kill -9 时也不留下进程
  fi
  "${guard[@]}" "$@" >>"$log" 2>&1 </dev/null &
  PIDS+=("$!")
  NAMES+=("$name")
  LOGS+=("$log")
}

name_of() {
  local index
  for index in "${!PIDS[@]}"; do
    if [[ ${PIDS[index]} == "$1" ]]; then
      printf '%s' "$index"
      return
    fi
  done
}

# 已经启动的全部后台进程。PIDS 里可能还缺一个：信号可以落在“启动”与“记下”之间。
children() { jobs -p; }

any_alive() {
  local pid
  for pid in $(children); do
    if kill -0 "$pid" 2>/dev/null; then return 0; fi
  done
  return 1
}

# 刚分出来、还没有变成自己的程序的进程可能收不到 TERM：先等它（几毫秒）
terminate() {
  local pid=$1 self
  self=$(readlink "/proc/$$/exe")
  while [[ $(readlink "/proc/$pid/exe" 2>/dev/null) == "$self" ]]; do sleep 0.01; done
  kill -TERM "$pid" 2>/dev/null || true
}

kill_all() {
  local pid
  for pid in $(children); do kill -KILL -- "$pid" "-$pid" 2>/dev/null || true; done   # 连同进程组，不留下子进程
}

# 有序停止全部进程；返回 1 表示有进程不肯停、被强行结束
stop_all() {
  local pid deadline=$((SECONDS + ${STOP_LIMIT_S:-40})) status=0
  STOPPING=yes
  for pid in $(children); do terminate "$pid"; done
  while any_alive && ((SECONDS < deadline)); do sleep 0.1; done
  ! any_alive || status=1
  kill_all
  wait 2>/dev/null || true
  return "$status"
}

on_signal() {
  if [[ -n $STOPPING ]]; then   # 第二次 Ctrl-C：不再等待
    kill_all
    return
  fi
  say "正在停止……"
  if stop_all; then
    say "已停止。"
    exit 0
  fi
  die "有进程未能按时停止，已强行结束。"
}

on_death() {
  local index=$1 status=$2
  printf '错误：%s 意外退出（退出码 %s），正在停止其余进程。日志 %s 的最后几行：\n' \
    "${NAMES[index]}" "$status" "${LOGS[index]}" >&2
  tail -n 5 "${LOGS[index]}" >&2 || true
  stop_all || true
  exit 1
}

# 等到 waiter 说全部就绪，或有进程先退出
wait_ready() {
  local ended waiter status=0
  PYTHONPATH=. "$PYTHON" -P app/launch.py wait "$READY_LIMIT_S" "${HALVES[@]}" &
  waiter=$!
  wait -n -p ended "${PIDS[@]}" "$waiter" || status=$?
  if [[ $ended != "$waiter" ]]; then
    on_death "$(name_of "$ended")" "$status"
  fi
  if ((status != 0)); then
    stop_all || true
    exit 1
  fi
}

supervise() {
  local ended="" status=0
  wait -n -p ended "${PIDS[@]}" || status=$?
  [[ -z $ended ]] || on_death "$(name_of "$ended")" "$status"
}

check_only() {
  local status=0
  if ! is_installed; then
    say "依赖：尚未安装（运行 bash start_app.sh 会自动安装）"
    exit 0
  fi
  say "依赖：已安装"
  plan
  choose_device
  "$PYTHON" -m tts_engine.hub --check "$MODEL_FOLDER" || status=1
  ((status == 0)) && say "检查通过。"
  exit "$status"
}

main() {
  local mode=all python
  STARTED=$SECONDS
  HALVES=(webui proxy)
  LOGS=()
  WITH_TORCH=""
  (($# <= 1)) || { say "一次只能用一个选项。" >&2; usage >&2; exit 2; }
  case ${1:-} in
    "") ;;
    --webui-only) mode=webui HALVES=(webui) ;;
    --proxy-only) mode=proxy HALVES=(proxy) ;;
    --check) mode=check ;;
    --install) mode=install ;;
    --install-all) mode=install WITH_TORCH=yes ;;
    --help | -h) usage; exit 0 ;;
    *) say "不认识的选项：$1" >&2; usage >&2; exit 2 ;;
  esac

  python=$(find_python) || exit 1   # 单独一步：写在 say 里面，die 只会结束那个子 shell
  say "Python：$("$python" --version 2>&1 | cut -d ' ' -f 2)"
  check_machine
  check_gpu
  choose_packages
  if [[ $mode == check ]]; then check_only; fi
  (umask 077 && mkdir -p var/log) || die "无法创建 var/：请检查项目目录的权限。"
  chmod 700 var || die "var/ 属于别的用户：请用那个用户启动，或改变它的属主。"
  install
  if [[ $mode == install ]]; then exit 0; fi

  plan --prepare
  choose_device
  if [[ $mode != proxy ]]; then
    "$PYTHON" -m tts_engine.hub --fetch "$MODEL_FOLDER" \
      --repository "$HUB_REPOSITORY" --revision "$HUB_REVISION" || exit 1
  fi

  trap on_signal INT TERM HUP
  if [[ $mode != proxy ]]; then start WebUI webui "$PYTHON" webui.py; fi
  if [[ $mode != webui ]]; then
    start 代理 proxy "$PYTHON" -m gunicorn -c app/gunicorn.conf.py app.wsgi:app
    start 后台任务 worker "$PYTHON" -m app worker
  fi
  wait_ready
  say "全部就绪，用时 $((SECONDS - STARTED)) 秒。按 Ctrl-C 停止；日志在 var/log/。"
  supervise
}

main "$@"
