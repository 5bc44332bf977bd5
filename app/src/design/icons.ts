/** The icons in use, each imported from its own file so that the bundle carries no other. */
import Ban from 'lucide-react-native/icons/ban';
import Bell from 'lucide-react-native/icons/bell';
import ChartCandlestick from 'lucide-react-native/icons/chart-candlestick';
import Check from 'lucide-react-native/icons/check';
import ArrowLeft from 'lucide-react-native/icons/chevron-left';
import ChevronRight from 'lucide-react-native/icons/chevron-right';
import ChevronUp from 'lucide-react-native/icons/chevron-up';
import CircleCheck from 'lucide-react-native/icons/circle-check';
import CircleUserRound from 'lucide-react-native/icons/circle-user-round';
import Clock from 'lucide-react-native/icons/clock';
import Copy from 'lucide-react-native/icons/copy';
import Download from 'lucide-react-native/icons/download';
import ExternalLink from 'lucide-react-native/icons/external-link';
import Eye from 'lucide-react-native/icons/eye';
import EyeOff from 'lucide-react-native/icons/eye-off';
import FileUp from 'lucide-react-native/icons/file-up';
import FingerprintPattern from 'lucide-react-native/icons/fingerprint-pattern';
import HeartPulse from 'lucide-react-native/icons/heart-pulse';
import Info from 'lucide-react-native/icons/info';
import KeyRound from 'lucide-react-native/icons/key-round';
import Landmark from 'lucide-react-native/icons/landmark';
import Link2 from 'lucide-react-native/icons/link-2';
import LocateFixed from 'lucide-react-native/icons/locate-fixed';
import Lock from 'lucide-react-native/icons/lock';
import LogIn from 'lucide-react-native/icons/log-in';
import LogOut from 'lucide-react-native/icons/log-out';
import Mail from 'lucide-react-native/icons/mail';
import Monitor from 'lucide-react-native/icons/monitor';
import Palette from 'lucide-react-native/icons/palette';
import Pencil from 'lucide-react-native/icons/pencil';
import Plus from 'lucide-react-native/icons/plus';
import RectangleEllipsis from 'lucide-react-native/icons/rectangle-ellipsis';
import RefreshCw from 'lucide-react-native/icons/refresh-cw';
import ScrollText from 'lucide-react-native/icons/scroll-text';
import Search from 'lucide-react-native/icons/search';
import ShieldAlert from 'lucide-react-native/icons/shield-alert';
import ShieldCheck from 'lucide-react-native/icons/shield-check';
import Smartphone from 'lucide-react-native/icons/smartphone';
import SquareAsterisk from 'lucide-react-native/icons/square-asterisk';
import Star from 'lucide-react-native/icons/star';
import Trash from 'lucide-react-native/icons/trash';
import TriangleAlert from 'lucide-react-native/icons/triangle-alert';
import Undo2 from 'lucide-react-native/icons/undo-2';
import Unplug from 'lucide-react-native/icons/unplug';
import Users from 'lucide-react-native/icons/users';
import Wallet from 'lucide-react-native/icons/wallet';
import WifiOff from 'lucide-react-native/icons/wifi-off';
import X from 'lucide-react-native/icons/x';

export const icons = {
  back: ArrowLeft,
  markets: ChartCandlestick,
  forward: ChevronRight,
  moveUp: ChevronUp,
  you: CircleUserRound,
  clock: Clock,
  eye: Eye,
  eyeOff: EyeOff,
  centre: LocateFixed,
  lock: Lock,
  signOut: LogOut,
  edit: Pencil,
  plus: Plus,
  search: Search,
  star: Star,
  remove: Trash,
  warning: TriangleAlert,
  unplug: Unplug,
  wifiOff: WifiOff,
  close: X,
  at: Mail,
  check: Check,
  circleCheck: CircleCheck,
  copy: Copy,
  download: Download,
  fingerprint: FingerprintPattern,
  info: Info,
  key: KeyRound,
  link: Link2,
  monitor: Monitor,
  phone: Smartphone,
  shield: ShieldCheck,
  shieldOff: ShieldAlert,
  ticket: RectangleEllipsis,
  users: Users,
  audit: ScrollText,
  health: HeartPulse,
  password: SquareAsterisk,
  palette: Palette,
  signIn: LogIn,
  block: Ban,
  bell: Bell,
  brokerage: Landmark,
  sync: RefreshCw,
  file: FileUp,
  undo: Undo2,
  external: ExternalLink,
  portfolio: Wallet,
} as const;
